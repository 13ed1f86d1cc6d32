"""Until when a prescription is good, and how often: the kinds' table, day by day."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from tests.prescriptions.making import prescription

from nhicard.prescriptions import supply
from nhicard.prescriptions.tables import kinds, rows
from nhicard.prescriptions.verification import valid_until

MONDAY = date(2026, 3, 2)


def of(kind: str, day: date = MONDAY, days: int = 3, dispensings: int = 1) -> Any:
    stamp = f"{day:%Y%m%d}"
    return prescription(
        kind=kind, visit_date=stamp, signed_at=f"{stamp}093015", days=str(days), dispensings=str(dispensings)
    )


#: kind, day of the visit, days, dispensings, last day
LAST_DAYS = [
    ("A", "2026-03-02", 3, 1, "2026-03-04"),
    ("A", "2026-03-05", 3, 1, "2026-03-07"),
    ("A", "2026-03-06", 3, 1, "2026-03-09"),  # it would end on a Sunday
    ("B", "2026-03-02", 30, 1, "2026-03-04"),
    ("D", "2026-03-02", 7, 1, "2026-03-04"),
    ("E", "2026-03-02", 30, 1, "2026-03-04"),
    ("C", "2026-03-02", 28, 2, "2026-04-27"),  # 26 April is a Sunday
    ("C", "2026-03-02", 30, 3, "2026-05-30"),
    ("C", "2026-03-03", 30, 3, "2026-06-01"),  # 31 May is a Sunday
    ("F", "2026-03-02", 31, 3, "2026-05-30"),  # 90 days at most
]


@pytest.mark.parametrize(("kind", "day", "days", "dispensings", "last"), LAST_DAYS)
def test_the_last_day(kind: str, day: str, days: int, dispensings: int, last: str) -> None:
    told = of(kind, date.fromisoformat(day), days, dispensings)
    assert valid_until(told).isoformat() == last
    end = datetime.fromisoformat(last)
    none = history()
    assert supply(told, end + timedelta(hours=23, minutes=59), none).is_accepted
    assert [each.code for each in supply(told, end + timedelta(days=1), none).reasons] == ["expired"]


def test_a_holiday_moves_the_last_day() -> None:
    assert valid_until(of("A"), {date(2026, 3, 4), date(2026, 3, 5)}) == date(2026, 3, 6)


def history(told: Any = None, *dispensed: bool, cancelled: bool = False) -> pl.DataFrame:
    """A row a refill, as the insurer's history has them."""
    identifier = told.header["visit_identifier"] if told else ""
    return pl.DataFrame(
        {
            "identifier": pl.Series([identifier] * len(dispensed), dtype=pl.String),
            "number": pl.Series(range(1, len(dispensed) + 1), dtype=pl.Int64),
            "dispensed_by": pl.Series(["5901000001" if each else None for each in dispensed], dtype=pl.String),
            "cancelled": pl.Series([cancelled] * len(dispensed), dtype=pl.Boolean),
        }
    )


#: dispensed before, days after the visit, what is said, which dispensing is next
REFILLS = [
    ([False, False, False], 0, [], 1),
    ([True, False, False], 17, ["too_early"], 2),
    ([True, False, False], 18, [], 2),  # ten days before the first supply ends
    ([True, True, False], 45, ["too_early"], 3),
    ([True, True, False], 46, [], 3),
    ([True, True, True], 60, ["all_dispensed"], None),
    ([True, False, False], 95, ["expired"], 2),
]


@pytest.mark.parametrize(("before", "after", "said", "following"), REFILLS)
def test_refills(before: list[bool], after: int, said: list[str], following: int | None) -> None:
    told = of("C", days=28, dispensings=3)
    now = datetime(2026, 3, 2, 12) + timedelta(days=after)
    verdict = supply(told, now, history(told, *before))
    assert [each.code for each in verdict.reasons] == said
    assert verdict.next_refill == following


def test_a_cancelled_one_is_refused() -> None:
    told = of("C", days=28, dispensings=3)
    verdict = supply(told, datetime(2026, 3, 2, 12), history(told, False, False, False, cancelled=True))
    assert [each.code for each in verdict.reasons] == ["cancelled"]
    assert not verdict.is_accepted


def test_others_refills_do_not_count() -> None:
    other = of("C", days=28, dispensings=3)
    told = prescription(kind="C", days="28", dispensings="3", visit_identifier="Z" * 20, visit_date="20260302")
    assert supply(told, datetime(2026, 3, 2, 12), history(other, True, True, True)).next_refill == 1


def test_without_history_it_says_so() -> None:
    verdict = supply(of("A"), datetime(2026, 3, 2, 12))
    assert [each.code for each in verdict.reasons] == ["history_unknown"]
    assert verdict.is_accepted


def test_every_reason_has_its_sentences_and_remedies() -> None:
    for row in rows("reasons"):
        assert all(row[name].strip() for name in ("code", "weight", "zh", "en", "remedy_zh", "remedy_en")), row["code"]
        assert row["weight"] in ("unusable", "refuse", "wait", "doubt", "note")
    assert set(kinds()) == set("ABCDEF")
