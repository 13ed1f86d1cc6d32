"""The plan of a day: every visit is sent, when its institution sends, in the editions of that moment."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import polars as pl
import pytest

from nhicard.simulation.day import VISITS_A_DAY, Day
from nhicard.simulation.report import picture
from nhicard.simulation.run import Look

DAY = Day(scale=0.001, seconds=60.0, seed=3)
HOSPITAL, CLINICS = "1101990012", [f"35019900{number:02}" for number in range(40)]
VISITS = pl.Series([HOSPITAL] * 400 + [CLINICS[number % 40] for number in range(800)])
PLAN = DAY.uploads(VISITS)


@pytest.mark.parametrize(("first", "last", "most"), [(0, 24, 1.0), (7, 22, 0.97), (9, 11, 0.22)])
def test_the_hours_say_how_many_visits_there_are(first: int, last: int, most: float) -> None:
    whole = VISITS_A_DAY * DAY.scale
    assert most - 0.05 <= replace(DAY, first=first, last=last).visits / whole <= most + 0.03


def test_a_whole_nation_in_real_time_is_one_nation() -> None:
    assert Day(scale=1.0, first=8, last=9, seconds=3600.0).nations == 1.0


def test_every_visit_is_sent_once_for_real_and_as_a_precheck_until_the_switch() -> None:
    sent = PLAN.explode("rows")
    kinds = sent.group_by("rows").agg("kind")
    assert sorted(kinds["rows"]) == list(range(VISITS.len()))
    assert set(map(tuple, kinds["kind"].list.sort())) == {("A1",), ("A2", "B1")}


def test_a_file_is_of_one_institution_and_hospitals_send_batches() -> None:
    for institution, rows in PLAN.select("institution", "rows").iter_rows():
        assert set(VISITS[rows]) == {institution}
    sizes = Counter(len(rows) > 1 for rows in PLAN["rows"])
    assert sizes[True]
    assert sizes[False]


def test_who_has_switched_sends_no_10_any_more() -> None:
    moments = DAY.switching(VISITS)
    # what a line held back was made before; it is the services that refuse it
    for at, institution, kind in PLAN.select("at", "institution", "kind").iter_rows():
        if kind == "A1":
            assert moments[institution] <= at
    assert 0.1 < len(moments) / 41 < 0.9


def test_nobody_sends_while_the_line_is_down_and_nothing_is_dropped() -> None:
    down = replace(DAY, offline=1.0)
    plan = down.uploads(VISITS)
    first, last = (part * down.seconds for part in down.line_down)
    assert not plan["at"].is_between(first, last - 1e-9, closed="both").any()
    assert plan["rows"].list.len().sum() == PLAN["rows"].list.len().sum()


def test_the_same_seed_tells_the_same_day() -> None:
    assert DAY.uploads(VISITS).equals(PLAN)
    assert not replace(DAY, seed=4).uploads(VISITS).equals(PLAN)


def test_the_picture_shows_the_highest_values() -> None:
    drawn = picture([Look(0.0, 0, 0.0, 0), Look(1.0, 1234, 5.5, 10)])
    assert drawn.count("<polyline") == 3
    assert "1,234" in drawn
