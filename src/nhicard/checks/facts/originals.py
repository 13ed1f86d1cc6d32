"""The visit that a record goes back to by M16 to M19."""

from __future__ import annotations

from typing import Final

import polars as pl

from nhicard.checks.facts.past import MISSING, Past
from nhicard.checks.facts.registry import fact

_RETURN: Final = "AI"
_ORIGINAL: Final = "M03 M16 M17"
_KEPT: Final = ("patient_id", "staff_id", "institution", "category", "sequence", "visit_time", "is_precheck")


def _by_identifier(past: Past) -> pl.DataFrame:
    """Visible records under each identifier that leads to them: M15, and M52 of a late card (``late``)."""
    return past.once("by identifier", lambda: _identified(past))


def _identified(past: Past) -> pl.DataFrame:
    own = past.visible.filter(~past.no_identifier("identifier"))
    actual = past.visible.filter(~past.no_identifier("actual_identifier"))
    return pl.concat(
        [
            own.select("identifier", *_KEPT, late=pl.lit(False)),
            actual.select(*_KEPT, identifier="actual_identifier", late=pl.lit(True)).select(
                "identifier", *_KEPT, "late"
            ),
        ]
    )


def _originals(past: Past) -> pl.DataFrame:
    """The record behind M16, ``row`` by ``row``: that of M17's institution and of the batch's own sort first."""
    return past.once("originals", lambda: _likeliest(past))


def _likeliest(past: Past) -> pl.DataFrame:
    asked = past.mine.select("row", "patient_id", identifier="original_identifier", named=past.field("M17"))
    found = asked.filter(~past.no_identifier("identifier")).join(_by_identifier(past), on=["identifier", "patient_id"])
    likeliest = [pl.col("institution") != pl.col("named"), pl.col("is_precheck") != past.is_precheck, pl.col("late")]
    return found.sort(likeliest, maintain_order=True).unique("row", keep="first", maintain_order=True)


@fact(_ORIGINAL)
def original_found(past: Past) -> pl.Series:
    """Whether the record of M16 is stored; null where M16 names none."""
    found = past.rows(_originals(past))
    named = past.mine.select(~past.no_identifier("original_identifier")).to_series()
    return found.set(~named, None)


@fact(_ORIGINAL, kinds={name: name for name in ("institution", "category", "sequence")})
def original(past: Past, column: str) -> pl.Series:
    """What the record of M16 says of itself; null without one, and where it says nothing."""
    return past.told(_originals(past), column).replace("", None)


@fact("M03 M06 M11 M16 M19 M49")
def first_visit_found(past: Past) -> pl.Series:
    """Whether the visit to which a same-day return (AI) goes back is stored, of the same day and physician.

    It is found by M16, or by M19 where M16 is a stand-in.
    """
    late_time = past.field("M49")
    returns = past.mine.with_columns(original_time=past.field("M19"), late_time=late_time).filter(
        pl.col("category") == _RETURN
    )
    day = pl.when(pl.col("late_time") != "").then("late_time").otherwise("visit_time").str.head(7)
    returns = returns.select(
        *("row", "patient_id", "staff_id", "original_identifier", "original_time"),
        day=day,
        by_time=past.no_identifier("original_identifier"),
    )
    first = pl.col("category") != _RETURN
    same_day = pl.col("late") | (pl.col("visit_time").str.head(7) == pl.col("day"))
    by_identifier = returns.join(
        _by_identifier(past).filter(first),
        left_on=["patient_id", "staff_id", "original_identifier"],
        right_on=["patient_id", "staff_id", "identifier"],
    ).filter(same_day)
    at_time = returns.filter("by_time", pl.col("original_time").str.head(7) == pl.col("day")).join(
        past.visible.filter(first),
        left_on=["patient_id", "staff_id", "original_time"],
        right_on=["patient_id", "staff_id", "visit_time"],
    )
    return past.rows(pl.concat([by_identifier.select("row"), at_time.select("row")]))


@fact("M03 M16 M17")
def missing_original_found(past: Past) -> pl.Series:
    """Whether M17 has a late-card record of the person whose actual identifier (M52) is missing too."""
    asked = past.mine.select("row", "patient_id", "original_identifier", institution=past.field("M17"))
    kept = past.visible.filter(pl.col("actual_identifier") == MISSING)
    both = asked.filter(pl.col("original_identifier") == MISSING).join(kept, on=["patient_id", "institution"])
    return past.rows(both)
