"""Percentages are rounded for the eye; what decides are the counts."""

from __future__ import annotations

from datetime import date

import pytest

from nhicard.insurer.monitoring import presenting
from nhicard.insurer.monitoring.services.report import Cell, Counts, compiled, window

TODAY = date(2023, 10, 23)
DAY = date(2023, 10, 19)


@pytest.mark.parametrize(
    ("a", "b", "percent", "exact"),
    [
        (6005, 5828, "97%", False),
        (29581, 29183, "99%", False),
        (5173, 5165, "100%", False),
        (15172, 15110, "100%", False),
        (200, 199, "100%", False),  # exactly half a per cent is rounded up
        (1000, 994, "99%", False),
        (1032, 1032, "100%", True),
        (1, 0, "0%", False),
        (0, 0, "—", False),
        (10**9, 10**9 - 1, "100%", False),
    ],
)
def test_rounded_and_exact(a: int, b: int, percent: str, exact: bool) -> None:
    counts = Counts(a, 0, b)
    assert (presenting.percent_text(counts), counts.is_complete) == (percent, exact)
    assert counts.only_looks_complete == (percent == "100%" and not exact)


@pytest.mark.parametrize(
    ("counts", "all_matched", "all_by_web"),
    [
        (Counts(5173, 0, 5165), False, True),
        (Counts(5173, 0, 5173), True, True),
        (Counts(5173, 1, 5172), True, False),
        (Counts(5173, 5173, 0), True, False),
        (Counts(5173, 0, 0), False, False),
        (Counts(), False, False),
    ],
)
def test_the_two_conditions(counts: Counts, all_matched: bool, all_by_web: bool) -> None:
    found = compiled("3501200000", TODAY, [Cell(DAY, "01", counts)])
    assert (found.all_matched, found.all_by_web) == (all_matched, all_by_web)
    assert found.qualifies == (all_matched and all_by_web)
    assert [each.is_met for each in presenting.conditions(found)] == [all_matched, all_by_web]


def test_the_page_says_why_a_rounded_hundred_is_none() -> None:
    found = compiled("3501200000", TODAY, [Cell(DAY, "01", Counts(5173, 0, 5165))])
    matched, by_web = presenting.conditions(found)
    assert matched.reasons == [
        "(A) 5173 件，(B) 5165 件，還差 8 件。",
        "合計：5165/5173 四捨五入才是 100%，還差 8 件，不算達到。",
        "1121019：5165/5173 四捨五入才是 100%，還差 8 件，不算達到。",
        "01-西醫門診：5165/5173 四捨五入才是 100%，還差 8 件，不算達到。",
    ]
    assert by_web.reasons == ["5165 件全部以 Web-API 上傳。"]


def test_from_seven_days_before_to_yesterday() -> None:
    days = window(TODAY)
    assert (days[0], days[-1], len(days)) == (date(2023, 10, 16), date(2023, 10, 22), 7)
    outside = [Cell(each, "01", Counts(9, 0, 9)) for each in (date(2023, 10, 15), TODAY)]
    found = compiled("3501200000", TODAY, [*outside, Cell(DAY, "01", Counts(1, 0, 1))])
    assert found.total == Counts(1, 0, 1)
    assert list(found.by_day) == days, "days without visits are there too"


@pytest.mark.parametrize(
    ("a", "b", "share"), [(5173, 5165, "99.8%"), (1000, 999, "99.9%"), (10**6, 10**6 - 1, "99.9%"), (7, 7, "100%")]
)
def test_the_chart_cuts_off_and_never_claims_too_much(a: int, b: int, share: str) -> None:
    drawn = presenting.chart(compiled("3501200000", TODAY, [Cell(DAY, "01", Counts(a, 0, b))]))
    point = drawn.points[3]
    assert point.share == share
    assert drawn.rules[0][0] <= point.y <= drawn.base, "on the scale"
    assert [each.share for each in drawn.points].count("—") == 6
