"""Whether a record, its identifier, its time or its report is stored already."""

from __future__ import annotations

import polars as pl

from nhicard.checks.facts.past import Past
from nhicard.checks.facts.registry import fact

_KEY = "A00 A12 A14 A17 H00 M03 M05 M11 M15"


@fact(_KEY)
def key_in_force(past: Past) -> pl.Series:
    """Whether a record of the same key is stored and in force."""
    return past.mine["key"].is_in(past.in_force["key"].implode())


@fact(_KEY)
def key_in_force_as(past: Past) -> pl.Series:
    """The upload kind (A01, H01) of that record."""
    kinds = past.in_force.select("key", kind="upload_kind").unique("key", keep="last", maintain_order=True)
    return past.mine.select("key").join(kinds, on="key", how="left", maintain_order="left")["kind"]


@fact(_KEY, kinds={"normal": "1", "abnormal": "2"})
def uploaded(past: Past, kind: str) -> pl.Series:
    """Whether a record of the key was ever uploaded so, accepted or not; a deleted one is gone."""
    found = past.of_my_sort.filter((pl.col("upload_kind") == kind) & (pl.col("state") != "deleted"))
    return past.mine["key"].is_in(found["key"].implode())


@fact(_KEY)
def key_repeated(past: Past) -> pl.Series:
    """Whether the batch has the key before; of pre-checks, which may be sent again, the same file."""
    group = _within(past, "key")
    return past.rows(past.records.filter(~pl.struct(group).is_first_distinct()))


def _within(past: Past, *group: str) -> list[str]:
    return [*group, "file"] if past.is_precheck else list(group)


@fact("H00 M07 M15")
def identifier_in_force(past: Past) -> pl.Series:
    """Whether another record of the same data type is in force with the identifier."""
    kept = past.in_force.filter(_alone(past))
    both = past.records.filter(_alone(past)).join(kept, on=["identifier", "data_type"], suffix=":stored")
    return past.rows(both.filter(pl.col("key") != pl.col("key:stored")))


@fact("H00 M07 M15")
def identifier_repeated(past: Past) -> pl.Series:
    """Whether the batch has the identifier before, in another record of the same data type."""
    first = pl.col("key").first().over(_within(past, "identifier", "data_type"))
    return past.rows(past.records.filter(_alone(past)).filter(pl.col("key") != first))


def _alone(past: Past) -> pl.Expr:
    """A record that should have its identifier for itself."""
    shared = pl.col("category").is_in(list(past.assume["categories_sharing_identifier"]))
    return ~past.no_identifier("identifier") & ~shared


@fact("M03 M05 M11")
def elsewhere_same_second(past: Past) -> pl.Series:
    """Whether another institution has a visit of the person at the same second."""
    both = past.records.join(past.visible, on=["patient_id", "visit_time"], suffix=":stored")
    return past.rows(both.filter(pl.col("institution") != pl.col("institution:stored")))


@fact("H00 M03 M11")
def report_in_slot(past: Past) -> pl.Series:
    """Whether another test report (H00=5) of the person lies in the same part of the same day."""
    hour = pl.col("visit_time").str.slice(7, 2)
    slot = [(hour >= begin).alias(f"from {begin}") for begin in past.assume["report_slots"]]
    same = ["patient_id", "day", *(each.meta.output_name() for each in slot)]
    reports = [
        frame.filter(pl.col("data_type") == "5").with_columns(*slot, day=pl.col("visit_time").str.head(7))
        for frame in (past.records, past.in_force)
    ]
    both = reports[0].join(reports[1], on=same, suffix=":stored")
    return past.rows(both.filter(pl.col("key") != pl.col("key:stored")))
