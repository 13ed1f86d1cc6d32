"""The visits that were uploaded, as claims are compared with them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from nhicard.formats import rocdate
from nhicard.formats.batch import Batch
from nhicard.formats.claims import Claims
from nhicard.formats.claims.tables import Level

if TYPE_CHECKING:
    from nhicard.checks.claims.columns import Columns

VISITS: Final[Mapping[str, Any]] = {
    "identifier": pl.String,
    "person": pl.String,
    "institution": pl.String,
    "day": pl.Date,
    "original_identifier": pl.String,
    "late": pl.Boolean,
    "physician": pl.String,
    "orders": pl.List(pl.String),
}
"""Schema of the visits that claims are compared with, a row an accepted visit. ``identifier``: of the tap, null in 1.0;
``day``: of the visit itself, also on a late card; ``original_identifier``: of a late card (``late``); ``orders``:
the item codes reported. Column order does not matter, further columns are ignored."""

FACTS: Final = {
    "identified": "whether a visit with the case's identifier was uploaded; null without an identifier",
    "person": "the person of that visit",
    "institution": "its institution",
    "day": "its day",
    "late": "whether it is a late card",
    "original": "its original identifier",
    "visited": "whether any visit of the person at the claiming institution lies within the case's days",
    "physician": "whether one of those visits names the case's physician; null where none of them names any",
    "ordered": "whether one of those visits reports the order's item; null where there is no such visit",
}

_NAMES: Final = ("identifier", "person", "institution", "time", "late", "actual", "original", "physician", "code")
_FIELDS: Final[Mapping[str, Mapping[str, str]]] = {
    "2.0": dict(zip(_NAMES, ("M15", "M03", "M05", "M11", "M12", "M49", "M52", "M06", "D06"), strict=True)),
    "1.0": dict(zip(_NAMES, ("", "A12", "A14", "A17", "A19", "A54", "", "A15", "A73"), strict=True)),
}
_LATE: Final = ("2", "3", "4")


def reported_visits(batch: Batch) -> pl.DataFrame:
    """The visits of an upload file of either edition, in the schema ``VISITS``."""
    of = _FIELDS[batch.edition]
    day = rocdate.as_date(pl.col(of["time"]).str.head(7))
    late = pl.col(of["late"]).is_in(_LATE).fill_null(False)
    actual = rocdate.as_date(pl.col(of["actual"]).str.head(7))

    def or_nothing(field: str) -> pl.Expr:
        return _present(of[field]) if of[field] else pl.lit(None, dtype=pl.String)

    codes = (
        batch.orders.select("visit", code=_present(of["code"]))
        .drop_nulls()
        .group_by("visit")
        .agg(orders=pl.col("code"))
    )
    return (
        batch.visits.select(
            visit=pl.int_range(pl.len(), dtype=pl.UInt32),
            identifier=or_nothing("identifier"),
            person=_present(of["person"]),
            institution=_present(of["institution"]),
            day=pl.when(late).then(pl.coalesce(actual, day)).otherwise(day),
            original_identifier=or_nothing("original"),
            late=late,
            physician=_present(of["physician"]),
        )
        .join(codes, on="visit", how="left", maintain_order="left")
        .select(*VISITS)
    )


def _present(field: str) -> pl.Expr:
    return pl.when(pl.col(field).str.strip_chars() != "").then(pl.col(field))


class Reported:
    """Answers about a claim file's cases and orders from the visits; raises ValueError for a frame of other columns."""

    def __init__(self, visits: pl.DataFrame, claims: Claims) -> None:
        if missing := set(VISITS) - set(visits.columns):
            raise ValueError(f"the visits lack the columns {', '.join(sorted(missing))}")
        self.visits = visits.select(pl.col(name).cast(dtype) for name, dtype in VISITS.items())
        self.roles = claims.table.roles
        self.claims = claims

    def column(self, columns: Columns, level: Level, fact: str) -> pl.Series:
        """One fact of every case or order."""
        match fact:
            case "identified" | "person" | "institution" | "day" | "late" | "original":
                return self._identified(columns)[fact]
            case "ordered":
                return self._ordered(columns)
            case _:
                return self._during(columns)[fact]

    def _identified(self, columns: Columns) -> pl.DataFrame:
        asked = columns.get("d", self.roles["identifier"]).to_frame("identifier")
        known = self.visits.drop_nulls("identifier").unique("identifier", keep="last", maintain_order=True)
        found = asked.join(
            known.with_columns(identified=True, original="original_identifier"),
            on="identifier",
            how="left",
            maintain_order="left",
        )
        was_sent = pl.col("identifier").is_not_null()
        return found.with_columns(identified=pl.when(was_sent).then(pl.col("identified").fill_null(False)))

    @cached_property
    def _own(self) -> pl.DataFrame:
        """The claiming institution's visits."""
        institution = self.claims.totals[self.roles["institution"]][0]
        return self.visits.filter(pl.col("institution") == pl.lit(institution, dtype=pl.String))

    def _days(self, columns: Columns) -> pl.DataFrame:
        """Person, first and last day of each case."""
        first = columns.get("d", f"date:{self.roles['visit_day']}")
        ends = [
            columns.get("d", f"date:{self.roles[role]}") for role in ("end_day", "discharge_day") if role in self.roles
        ]
        return pl.DataFrame(
            {"person": columns.get("d", self.roles["person"]), "first": first}
        ).with_columns(
            row=pl.int_range(pl.len(), dtype=pl.UInt32),
            last=pl.coalesce(*ends, first) if ends else pl.col("first"),
        )  # fmt: skip

    def _during(self, columns: Columns) -> pl.DataFrame:
        """``visited`` and ``physician`` of each case."""
        cases = self._days(columns)
        physician = self.roles.get("physician")
        own = (
            columns.get("d", physician)
            if physician
            else pl.Series([None], dtype=pl.String).new_from_index(0, cases.height)
        )
        met = (
            cases.with_columns(own=own)
            .join(self._own.select("person", "day", "physician"), on="person")
            .filter(pl.col("day").is_between(pl.col("first"), pl.col("last")))
            .group_by("row")
            .agg(visited=pl.lit(True).first(), physician=(pl.col("physician") == pl.col("own")).any(ignore_nulls=False))
        )
        asked = pl.col("person").is_not_null() & pl.col("first").is_not_null()
        return cases.join(met, on="row", how="left", maintain_order="left").with_columns(
            visited=pl.when(asked).then(pl.col("visited").fill_null(False))
        )

    def _ordered(self, columns: Columns) -> pl.Series:
        cases = self._days(columns).with_columns(visited=self._during(columns)["visited"])
        orders = columns.frame("p", {self.roles["order_code"]}).rename({self.roles["order_code"]: "code"})
        at = self.claims.orders["row"]
        asked = orders.with_columns(
            [cases[name].gather(at).alias(name) for name in ("person", "first", "last", "visited")]
        ).with_row_index("place")
        told = self._own.select("person", "day", code="orders").explode("code").drop_nulls().unique()
        met = (
            asked.join(told, on=["person", "code"])
            .filter(pl.col("day").is_between(pl.col("first"), pl.col("last")))
            .select("place")
            .unique()
            .with_columns(ordered=True)
        )
        return (
            asked.join(met, on="place", how="left", maintain_order="left")
            .select(pl.when(pl.col("visited") & pl.col("code").is_not_null()).then(pl.col("ordered").fill_null(False)))
            .to_series()
        )
