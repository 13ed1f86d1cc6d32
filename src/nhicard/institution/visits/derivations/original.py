"""The visit that this one goes back to (M16 to M19)."""

from __future__ import annotations

from typing import Final

import polars as pl
from polars import col

from nhicard.formats.tables import codes
from nhicard.institution.visits.table import Visits

# All that point back but AF, where another institution prescribed.
_OWN: Final = ("AA", "AB", "AE", "AG", "AH", "AI", "AJ")
_UNINSURED_DELIVERY: Final = "ICND"
_OF_ORIGINAL: Final = {
    "original_institution": "institution",
    "original_sequence_number": "sequence_number",
    "original_visit_time": "visit_time",
}


def original_visit(told: Visits) -> dict[str, pl.Series]:
    """原就醫識別碼是同批資料中同一病人的就醫時，帶入該次就醫的院所、序號與時間（AA、D032）。

    Where the original identifier is that of a visit of the same patient among those at hand: its institution, sequence
    number and time (AA, D032).
    """
    key = ["visit_identifier", "patient_id"]
    known = told.visits.select(*key, *_OF_ORIGINAL.values()).drop_nulls(key).unique(key, keep="first")
    found = told.visits.select("original_visit_identifier", "patient_id").join(
        known,
        left_on=["original_visit_identifier", "patient_id"],
        right_on=key,
        how="left",
        maintain_order="left",
    )
    return {name: found[source] for name, source in _OF_ORIGINAL.items()}


def original_institution(told: Visits) -> dict[str, pl.Series]:
    """療程後續、領藥、排程檢查、同日再診回到本院：原處方機構是本院（就醫類別名稱；AA、D085）。藥局調劑不推定。

    Later sessions, refills, scheduled examinations and same-day returns go back to the institution itself (names of
    the visit categories; AA, D085); nothing is presumed of a pharmacy.
    """
    stands_in = col.original_visit_identifier.is_in(list(codes("2.0", "visit-id-special")))
    uninsured = col.original_sequence_number.eq_missing(_UNINSURED_DELIVERY)
    own = col.visit_category.is_in(_OWN) & ~stands_in & ~uninsured  # null without an original identifier
    return told.derive(original_institution=pl.when(own).then("institution"))
