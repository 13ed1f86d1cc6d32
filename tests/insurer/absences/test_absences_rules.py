"""What counts as naming a physician who is abroad: ``absences_travel_days.csv``, as of 2026-03-20."""

from __future__ import annotations

import csv
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from nhicard.insurer.absences.rules import ABSENCES, NAMED, Rules, naming_absent, rules, without_doubles

AS_OF = date(2026, 3, 20)
NAMES = {"id": "A123456789", "other": "A223456781", "code": "D007"}


def cases() -> list[Any]:
    with (Path(__file__).parent / "absences_travel_days.csv").open(encoding="utf-8") as table:
        return [pytest.param(row, id=row["case"]) for row in csv.DictReader(table)]


def day(told: str) -> date | None:
    return date.fromisoformat(told) if told else None


def absence(number: int, institution: str | None, exit_on: str, entry_on: str) -> tuple[Any, ...]:
    return (number, institution, NAMES["id"], NAMES["code"], day(exit_on), day(entry_on))


def frame(rows: list[tuple[Any, ...]], schema: dict[str, Any]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=schema, orient="row")


@pytest.mark.parametrize("row", cases())
def test_days_and_names(row: dict[str, str]) -> None:
    told = Rules(row["exit_counts"] == "yes", row["entry_counts"] == "yes", row["claim_days"], 365, 30)  # type: ignore[arg-type]
    one = ("it", "3501200000", NAMES[row["named"]], day(row["first"]), day(row["last"]), row["kind"] == "inpatient")
    journeys = frame([absence(1, None, row["exit"], row["entry"])], ABSENCES)
    found = naming_absent(frame([one], NAMED).lazy(), journeys.lazy(), AS_OF, told).collect()
    expected = {"": [], "travel": [True], "abroad": [False]}
    assert found["is_travel_day"].to_list() == expected[row["found"]]


def test_both_days_of_travel_count_as_packaged() -> None:
    assert rules().travel_days == {"exit": True, "entry": True}


def test_a_report_holds_at_its_own_institution_only() -> None:
    visits = frame([(place, place, NAMES["id"], AS_OF, AS_OF, False) for place in ("3501200000", "3501200008")], NAMED)
    journeys = frame([absence(1, "3501200008", "2026-03-19", "")], ABSENCES)
    found = naming_absent(visits.lazy(), journeys.lazy(), AS_OF, rules()).collect()
    assert found["institution"].to_list() == ["3501200008"]


@pytest.mark.parametrize(
    ("listed", "reported", "left"),
    [
        (("2026-03-02", "2026-03-10"), ("2026-03-03", "2026-03-09"), [-1]),
        (("2026-03-02", "2026-03-10"), ("2026-03-10", "2026-03-12"), [-1]),
        (("2026-03-02", "2026-03-10"), ("2026-03-11", "2026-03-12"), [-1, 2]),
        (("2026-03-02", ""), ("2026-03-11", "2026-03-12"), [-1]),
    ],
)
def test_what_a_list_knows_takes_the_place_of_reports(
    listed: tuple[str, str], reported: tuple[str, str], left: list[int]
) -> None:
    of_list = frame([absence(-1, None, *listed)], ABSENCES)
    of_reports = frame([absence(2, "3501200000", *reported)], ABSENCES)
    assert without_doubles(of_list, of_reports, AS_OF)["absence"].to_list() == left
