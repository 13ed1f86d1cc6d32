"""Figures and texts: shares that never claim too much, the comparison, the chart, the table of words."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from importlib.resources import files
from pathlib import Path
from string import Formatter

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nhicard.institution.console import display
from nhicard.institution.console.comparing import chart, compared
from nhicard.institution.console.display import Language, share
from nhicard.institution.console.texts import table

DAYS = [date(2026, 11, 12) + timedelta(days=step) for step in range(7)]


@pytest.mark.parametrize(
    ("part", "whole", "text", "reached", "looks"),
    [
        (5165, 5173, "99.8%", False, False),  # the report of the example institution
        (9996, 10_000, "100%", False, True),
        (29_580, 29_581, "100%", False, True),
        (9995, 10_000, "100%", False, True),
        (9994, 10_000, "99.9%", False, False),
        (10_000, 10_000, "100%", True, False),
        (1, 1, "100%", True, False),
        (0, 7, "0.0%", False, False),
        (1, 3, "33.3%", False, False),
        (2, 3, "66.7%", False, False),
        (0, 0, "—", False, False),
    ],
)
def test_a_share_is_rounded_but_decided_by_the_counts(
    part: int, whole: int, text: str, reached: bool, looks: bool
) -> None:
    found = share(part, whole)
    assert (found.text, found.reached, found.looks_reached) == (text, reached, looks)


@given(st.integers(1, 10**7).flatmap(lambda whole: st.tuples(st.integers(0, whole), st.just(whole))))
def test_a_share_is_within_half_a_tenth_and_reached_only_at_the_whole(counts: tuple[int, int]) -> None:
    part, whole = counts
    found = share(part, whole)
    tenths = round(float(found.text.rstrip("%")) * 10)
    assert abs(tenths * whole - 1000 * part) * 2 <= whole
    assert found.reached == (part == whole)
    assert found.looks_reached == (found.text == "100%" and part < whole)


def counted(*rows: tuple[date, str, int, int]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=["visit_date", "category", "a", "b"], orient="row")


def test_the_comparison_has_a_line_a_category_and_totals() -> None:
    found = compared(counted((DAYS[0], "01", 10, 9), (DAYS[0], "AE", 2, 2), (DAYS[6], "01", 5, 5)), DAYS, by_web=True)
    assert [(day.date, day.total.a, day.total.b, len(day.lines)) for day in found.days] == [
        (DAYS[0], 12, 11, 2),
        *((each, 0, 0, 0) for each in DAYS[1:6]),
        (DAYS[6], 5, 5, 1),
    ]
    assert (found.total.a, found.total.b, found.missing) == (17, 16, 1)
    assert not found.all_matched
    assert found.all_by_web


@pytest.mark.parametrize(
    ("rows", "by_web", "matched", "by_api"),
    [
        ([(DAYS[0], "01", 3, 3)], True, True, True),
        ([(DAYS[0], "01", 3, 3)], False, True, False),
        ([(DAYS[0], "01", 29_581, 29_580)], True, False, True),
        ([(DAYS[0], "01", 3, 0)], True, False, False),
        ([], True, False, False),
    ],
)
def test_the_conditions_are_met_by_exact_numbers(
    rows: list[tuple[date, str, int, int]], by_web: bool, matched: bool, by_api: bool
) -> None:
    frame = counted(*rows) if rows else counted((date(2000, 1, 1), "01", 1, 1))
    found = compared(frame, DAYS, by_web=by_web)
    assert (found.all_matched, found.all_by_web) == (matched, by_api)


@given(st.lists(st.integers(0, 30_000), min_size=7, max_size=7))
def test_bars_stay_in_the_drawing_and_in_proportion(counts: list[int]) -> None:
    rows = [(day, "01", count, count // 2) for day, count in zip(DAYS, counts, strict=True)]
    drawn = chart(compared(counted(*rows), DAYS, by_web=True).days)
    (_, nothing), *_, (top, most) = drawn.rules
    assert nothing == 0
    assert most >= max(counts)
    for bar, count in zip(drawn.bars, counts, strict=True):
        assert top <= bar.top_a <= bar.top_b <= drawn.base
        assert 0 <= bar.x <= drawn.width - drawn.bar
        assert abs(bar.height_a * most - count * (drawn.base - top)) <= most


@pytest.mark.parametrize(
    ("language", "day", "short", "moment"),
    [
        ("zh", "115/11/19（四）", "11/19（四）", "115/11/19 09:05"),
        ("en", "2026-11-19 (Thu)", "11-19 Thu", "2026-11-19 09:05"),
    ],
)
def test_dates_are_roc_in_chinese_and_iso_in_english(language: Language, day: str, short: str, moment: str) -> None:
    at = datetime(2026, 11, 19, 9, 5, 59)
    assert display.day(at.date(), language) == day
    assert display.day(at.date(), language, short=True) == short
    assert display.moment(at, language) == display.moment("2026-11-19 09:05:59", language) == moment
    assert display.moment(None, language) == "—"


@pytest.mark.parametrize(
    ("form", "values", "value", "zh", "en"),
    [
        ("code", "M07", "01", "西醫門診", "Western-medicine outpatient"),
        ("code", "M07", "??", "", ""),
        ("code", "no such table", "1", "", ""),
        ("roc date", "", "0700115", "70/01/15（四）", "1981-01-15 (Thu)"),
        ("roc date", "", "1150230", "", ""),
        ("roc time", "", "1151119093015", "115/11/19 09:30", "2026-11-19 09:30"),
        ("text", "", "J069", "", ""),
    ],
)
def test_wire_values_are_told_in_words(form: str, values: str, value: str, zh: str, en: str) -> None:
    assert display.meaning(form, values, value, "zh") == zh
    assert display.meaning(form, values, value, "en") == en


def test_both_languages_say_the_same_names() -> None:
    for name, texts in table().items():
        assert all(text.strip() for text in texts.values()), name
        zh, en = ({part[1] for part in Formatter().parse(text) if part[1]} for text in texts.values())
        assert zh == en, name


def test_every_text_is_used_and_every_used_text_is_there() -> None:
    folder = Path(str(files("nhicard.institution.console")))
    paths = [*folder.glob("*.py"), *folder.glob("templates/*.html")]
    whole = "\n".join(path.read_text(encoding="utf-8") for path in paths)
    exact = set(re.findall(r'\bt\(\s*["\']([\w .]+)["\']\s*[,)]', whole))
    assert exact <= set(table())
    begun = re.findall(r'["\']([\w.]+[._])["\'] ~', whole) + re.findall(r'f"(\w+\.){', whole)
    quoted = set(re.findall(r'["\']([\w.]+)["\']', whole))
    assert not [name for name in table() if name not in quoted and not name.startswith(tuple(begun))]
