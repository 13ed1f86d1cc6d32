"""What became of the refills (聯次) of chronic continuous prescriptions (慢連箋)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import polars as pl

from nhicard.checks.facts.past import Past
from nhicard.checks.facts.registry import fact
from nhicard.checks.history import REFILLS, nothing

DISPENSING: Final = ("AE", "AF")


@dataclass(frozen=True, slots=True)
class ListKind:
    """A kind of continuous prescription (D04): where its count and the refill dispensed now stand."""

    name: str
    count: str
    number: str

    @property
    def fields(self) -> tuple[str, str]:
        return self.count, self.number


LIST_KINDS: Final[Mapping[str, ListKind]] = {
    "C": ListKind("C", "M26", "M33"),
    "F": ListKind("F", "M29", "M34"),
}
_DISPENSED_NOW: Final = "M03 M07 M15 M16 {}"
_ISSUED: Final = "M03 M05 M15"
_REDUCED: Final = "M03 M05 M15 {}"
_OPEN: Final = pl.col("dispensed_by").is_null() & ~pl.col("cancelled")


def _refills(past: Past) -> pl.DataFrame:
    """The refills that a fact may speak of.

    A pre-check sees the refills of a real prescription where none was pre-checked under the identifier.
    """
    return past.once("refills", lambda: _fetched(past))


def _fetched(past: Past) -> pl.DataFrame:
    asked = pl.concat([_dispensed(past)["identifier"], _issued(past)["identifier"]]).unique()
    found = past.history.refills(asked) if len(asked) else nothing(REFILLS)
    own = pl.col("is_precheck") == past.is_precheck
    seen = own | ~own.any().over("identifier") if past.is_precheck else own
    return found.select(*REFILLS).filter(seen).unique(["identifier", "list_kind", "number"], maintain_order=True)


def _dispensed(past: Past) -> pl.DataFrame:
    """Dispensing records (AE, AF) with the prescription that they dispense from: that of M16, or, for a deletion that
    does not say, of the stored record."""
    return past.once("dispensed", lambda: _with_prescription(past))


def _with_prescription(past: Past) -> pl.DataFrame:
    kept = past.in_force.select("key", known="original_identifier").unique("key", keep="last")
    mine = past.mine.filter(pl.col("category").is_in(DISPENSING)).join(kept, on="key", how="left")
    sent = pl.col("original_identifier").replace("", None)
    told = mine.with_columns(prescription=pl.coalesce(sent, "known").fill_null(""))
    return told.filter(~past.no_identifier("prescription")).select("row", "patient_id", identifier="prescription")


def _issued(past: Past) -> pl.DataFrame:
    """Records whose key is in force: corrections of and operations on a record that may have issued refills."""
    return past.once("issued", lambda: _known(past))


def _known(past: Past) -> pl.DataFrame:
    known = past.mine.filter(pl.col("key").is_in(past.in_force["key"].implode()) & ~past.no_identifier("identifier"))
    return known.select("row", "identifier", "patient_id", "institution")


# ---- the refill that a record dispenses ----


def _number(past: Past, field: str) -> pl.Series:
    """Which refill M33 or M34 says; null for none."""
    sent = past.field(field)
    number = sent.str.head(1) if past.assume["refill_number_is_first_character"] else sent
    whole = number.cast(pl.Int64, strict=False)
    return whole.set((whole < 1).fill_null(False), None)


def _asked(past: Past, of: ListKind) -> pl.DataFrame:
    """``row``, ``identifier``, ``patient_id`` and ``asked`` of the records that dispense a refill of the kind."""

    def asked() -> pl.DataFrame:
        numbers = past.mine.select("row", asked=_number(past, of.number)).drop_nulls()
        return _dispensed(past).join(numbers, on="row")

    return past.once(f"asked {of.name}", asked)


def _beside(past: Past, of: ListKind) -> pl.DataFrame:
    """The same beside each refill of the prescription."""

    def beside() -> pl.DataFrame:
        refills = _refills(past).filter(pl.col("list_kind") == of.name)
        return _asked(past, of).join(refills, on=["identifier", "patient_id"])

    return past.once(f"beside {of.name}", beside)


def _the_refill(past: Past, of: ListKind, column: str) -> pl.Series:
    return past.told(_beside(past, of).filter(pl.col("number") == pl.col("asked")), column)


@fact(_DISPENSED_NOW, kinds=dict(LIST_KINDS))
def refill_number(past: Past, of: ListKind) -> pl.Series:
    """Which refill is dispensed; null for other records, and where M16 names no prescription."""
    return past.told(_asked(past, of), "asked")


@fact(_DISPENSED_NOW, kinds=dict(LIST_KINDS))
def refill_count(past: Past, of: ListKind) -> pl.Series:
    """How many refills the prescription has, 0 where it is not known; null where ``refill_number`` is."""
    counted = _asked(past, of).select("row").join(_beside(past, of).group_by("row").agg(count=pl.len()), "row", "left")
    return past.told(counted.with_columns(pl.col("count").fill_null(0)), "count")


@fact(_DISPENSED_NOW, kinds=dict(LIST_KINDS))
def refill_skipped(past: Past, of: ListKind) -> pl.Series:
    """Whether an earlier refill waits to be dispensed."""
    return past.rows(_beside(past, of).filter((pl.col("number") < pl.col("asked")) & _OPEN))


@fact(_DISPENSED_NOW, kinds=dict(LIST_KINDS))
def refill_cancelled(past: Past, of: ListKind) -> pl.Series:
    """Whether the refill is cancelled."""
    return _the_refill(past, of, "cancelled")


@fact(_DISPENSED_NOW, kinds=dict(LIST_KINDS))
def refill_issued_by(past: Past, of: ListKind) -> pl.Series:
    """The institution that issued the prescription."""
    return _the_refill(past, of, "institution")


@fact(_DISPENSED_NOW, kinds=dict(LIST_KINDS))
def refill_dispensed_by(past: Past, of: ListKind) -> pl.Series:
    """The institution that has dispensed the refill."""
    return _the_refill(past, of, "dispensed_by")


@fact(_DISPENSED_NOW, kinds=dict(LIST_KINDS))
def refill_dispensed_as(past: Past, of: ListKind) -> pl.Series:
    """The identifier (M15) of the record that dispensed it."""
    return _the_refill(past, of, "dispensed_identifier")


# ---- the refills that a record issued ----


def _own(past: Past) -> pl.DataFrame:
    """Each refill that was issued under a record's own identifier, by its institution to its person."""
    return past.once("own", lambda: _issued(past).join(_refills(past), on=["identifier", "patient_id", "institution"]))


_ELSEWHERE: Final = pl.col("dispensed_by") != pl.col("institution")


@fact(
    _ISSUED,
    kinds={"all": pl.col("number") > 0, "open": _OPEN, "cancelled": pl.col("cancelled"), "elsewhere": _ELSEWHERE},
)
def issued_refills(past: Past, which: pl.Expr) -> pl.Series:
    """How many refills the record issued: all, those neither dispensed nor cancelled, those cancelled, those
    dispensed by another institution."""
    counted = _own(past).group_by("row").agg(count=which.fill_null(False).sum())
    return past.told(counted, "count").fill_null(0)


def _reduced(past: Past, of: ListKind) -> pl.DataFrame:
    """Refills that a correction no longer allows although they are dispensed."""
    if not _own(past).height:
        return _own(past)
    counts = past.records.select("row").join(past.mine.select("row", count=past.field(of.count)), on="row")
    allowed = pl.col("count").cast(pl.Int64, strict=False).fill_null(0)
    refills = _own(past).filter((pl.col("list_kind") == of.name) & pl.col("dispensed_by").is_not_null())
    return refills.join(counts, on="row").filter(pl.col("number") > allowed)


@fact(_REDUCED, kinds=dict(LIST_KINDS))
def reduced_here(past: Past, of: ListKind) -> pl.Series:
    """Whether a correction drops a refill that the institution itself dispensed."""
    return past.rows(_reduced(past, of).filter(~_ELSEWHERE))


@fact(_REDUCED, kinds=dict(LIST_KINDS))
def reduced_elsewhere(past: Past, of: ListKind) -> pl.Series:
    """Whether a correction drops a refill that another institution dispensed."""
    return past.rows(_reduced(past, of).filter(_ELSEWHERE))
