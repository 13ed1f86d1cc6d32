"""A recheck finds exactly what checking the very files under both rule editions finds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal
from tests.scale import lakes
from tests.scale.lakes import FIRST, LAST

from nhicard.formats import assumptions
from nhicard.scale import period as periods
from nhicard.scale import report, rules
from nhicard.scale.engines import Local
from nhicard.scale.lake import BadLake, Day, Place, partitions, publish
from nhicard.scale.period import Period
from nhicard.scale.recheck import Outcome, Task
from nhicard.scale.writing import Part, PartitionWriter

#: Other choices, and what follows for some records at least: codes that reject now, codes that do so no more.
OTHER_RULES: list[tuple[dict[str, Any], set[str], set[str]]] = [
    ({}, set(), set()),
    ({"unsigned_orders": []}, {"AA03"}, set()),
    ({"derived_matrix_applies": False}, set(), {"AA03"}),
    ({"bf_fields": []}, set(), {"BF"}),  # a rule that is switched off
    ({"total_above_100_demanded": True}, {"AC"}, set()),
    ({"y008_applies_to_vaccination": True}, {"Y008"}, set()),
    ({"aa01_fields_20": [], "free_text_fields": []}, {"AB01"}, {"AA01"}),
]


def directly(overrides: dict[str, Any], as_of: datetime | None = None) -> set[tuple[str, int, str, str, str]]:
    """The same from the uploads' bytes, each checked by itself under the first rules and the others."""
    changes = set()
    for day in (FIRST, LAST):
        for each in lakes.uploads(day):
            read = lakes.read_alone(each.content, each.edition)
            first = _rejecting(lakes.answered_first(each))
            again = _rejecting(lakes.answered(each, read, overrides, as_of))
            of_first, of_again = ({number for number, *_ in found} for found in (first, again))
            changes |= {(each.receipt, n, "now_rejected", f, c) for n, f, c in again if n not in of_first}
            changes |= {(each.receipt, n, "now_accepted", f, c) for n, f, c in first if n not in of_again}
    return changes


def _rejecting(found: pl.DataFrame) -> set[tuple[int, str, str]]:
    return set(found.filter(pl.col("severity") != "warn").select("number", "field", "code").rows())


@pytest.mark.parametrize(("overrides", "rejecting", "no_more"), OTHER_RULES, ids=lambda each: str(each)[:40])
def test_as_if_checked_directly(
    lake: Path, tmp_path: Path, overrides: dict[str, Any], rejecting: set[str], no_more: set[str]
) -> None:
    found = periods.recheck(lakes.period(lake, overrides), Local(), tmp_path).outcome
    changes = set(found.changes.select("receipt", "number", "change", "field", "code").rows())
    assert changes == directly(overrides)
    codes = {change: {row[4] for row in changes if row[2] == change} for change in ("now_rejected", "now_accepted")}
    assert rejecting <= codes["now_rejected"]
    assert no_more <= codes["now_accepted"]
    of_records = found.changes.select("receipt", "number", "change").unique()["change"].to_list()
    for change in ("now_rejected", "now_accepted"):
        assert found.counts[change].sum() == of_records.count(change)
    balance = found.counts["were_rejected"].sum() + of_records.count("now_rejected") - of_records.count("now_accepted")
    assert found.counts["rejected"].sum() == balance
    assert found.counts["records"].sum() == 4 * 300


def test_as_of_another_moment(lake: Path, tmp_path: Path) -> None:
    """A year later visits lie outside the window of uploading (BH)."""
    late = datetime(2024, 10, 23)
    found = periods.recheck(lakes.period(lake, as_of=late), Local(), tmp_path).outcome
    assert set(found.changes.select("receipt", "number", "change", "field", "code").rows()) == directly({}, late)
    assert "BH" in set(found.changes["code"])


def test_what_cannot_be_decided_again_stands(tmp_path: Path) -> None:
    """A record that was rejected for what is on record elsewhere (C001) stays rejected; a wrong field does not help."""
    of_day = [each for each in lakes.uploads(FIRST) if each.edition == "2.0"][:1]
    written = lakes.part(of_day[0])
    accepted = written.read.files.filter(~written.rejected)["number"][0]
    by_history = pl.DataFrame(
        {"number": [accepted], "order": [None], "field": ["M15"], "code": ["C001"], "severity": ["reject"]},
        schema=written.findings.drop("file").schema,
    ).with_columns(file=pl.lit(0, pl.UInt32))
    changed = Part(
        written.read,
        written.files,
        written.rejected | (written.read.files["number"] == accepted),
        pl.concat([written.findings, by_history.select(written.findings.columns)]),
    )
    place = Place(FIRST, "2.0", True, 0)
    with PartitionWriter(tmp_path / "lake", place, "x") as writer:
        writer.add(changed)
        publish(tmp_path / "lake", Day(FIRST, 1, 0, (writer.finish(),)))
    only = Period(tmp_path / "lake", FIRST, FIRST, rules.edition())
    found = periods.recheck(only, Local(), tmp_path / "out")
    assert found.outcome.changes.height == 0
    told = report.write(only, found, tmp_path / "out")
    assert told["rules"]["first_answer_stands"]["2.0"]["C001"] == "history"


def test_forgotten_reasons_are_not_taken_for_changes(tmp_path: Path) -> None:
    """Where the codes were not kept, a record that no rule rejects now is undecided, and stays rejected."""
    lakes.build(tmp_path / "lake", [FIRST], codes_known=False)
    chosen = rules.edition(assumptions.load({"derived_matrix_applies": False}))
    found = periods.recheck(Period(tmp_path / "lake", FIRST, FIRST, chosen), Local(), tmp_path / "out").outcome
    lakes.build(tmp_path / "known", [FIRST])
    known = periods.recheck(Period(tmp_path / "known", FIRST, FIRST, chosen), Local(), tmp_path / "out2").outcome
    assert known.counts["now_accepted"].sum() > 0
    assert found.counts["now_accepted"].sum() == 0
    assert_frame_equal(
        found.counts.select("institution", "undecided"), known.counts.select("institution", undecided="now_accepted")
    )
    assert found.counts["rejected"].sum() == found.counts["were_rejected"].sum()


class _Killed(Exception):
    """The process ends here."""


class _Ending:
    """A local engine that ends after some partitions, and knows what it was asked for."""

    def __init__(self, after: int) -> None:
        self.after = after
        self.asked: list[Task] = []

    def run(self, tasks: Iterable[Task]) -> Iterator[tuple[Task, Outcome]]:
        for done in Local().run(tasks):
            if len(self.asked) == self.after:
                raise _Killed
            self.asked.append(done[0])
            yield done


def test_goes_on_after_a_kill(lake: Path, tmp_path: Path) -> None:
    asked = lakes.period(lake, {"unsigned_orders": []})
    every = partitions(lake, FIRST, LAST)
    whole = lakes.report_of(asked, tmp_path / "whole")
    with pytest.raises(_Killed):
        periods.recheck(asked, _Ending(2), tmp_path / "out")
    (tmp_path / "out" / "finished" / ".half").mkdir()  # what a kill leaves behind
    second = _Ending(len(every))
    found = periods.recheck(asked, second, tmp_path / "out")
    assert (found.before, len(second.asked)) == (2, len(every) - 2)
    report.write(asked, found, tmp_path / "out")
    assert lakes.report_files(tmp_path / "out") == whole
    other = _Ending(len(every))
    periods.recheck(lakes.period(lake), other, tmp_path / "out")
    assert len(other.asked) == len(every), "other rules: nothing of the first is used"


def test_reports_hold_no_personal_data(lake: Path, tmp_path: Path) -> None:
    told = lakes.report_of(lakes.period(lake, {"unsigned_orders": []}), tmp_path)
    every = [partition for partition in partitions(lake, FIRST, LAST) if partition.place.edition == "2.0"]
    persons = pl.concat([pl.read_parquet(lake / each.folder / "visits.parquet")["M03"] for each in every])
    shown = (
        told["report.txt"] + told["report.json"] + str(pl.read_parquet(tmp_path / "changes.parquet").rows()).encode()
    )
    assert not [person for person in persons.drop_nulls().unique() if len(person) == 10 and person.encode() in shown]


@pytest.mark.parametrize("harm", ["cut", "gone"])
def test_a_damaged_partition_is_named(tmp_path: Path, harm: str) -> None:
    lakes.build(tmp_path / "lake", [FIRST])
    hurt = partitions(tmp_path / "lake", FIRST, FIRST)[0]
    path = tmp_path / "lake" / hurt.folder / "orders.parquet"
    path.write_bytes(path.read_bytes()[:-10]) if harm == "cut" else path.unlink()
    with pytest.raises(BadLake, match=str(hurt.place.folder)):
        periods.recheck(Period(tmp_path / "lake", FIRST, FIRST, rules.edition()), Local(), tmp_path / "out")


def test_days_that_are_not_there_are_named(lake: Path) -> None:
    with pytest.raises(BadLake, match="2023-10-24"):
        partitions(lake, FIRST, date(2023, 10, 24))


def test_only_the_owner_can_read_it(lake: Path) -> None:
    files = [path for path in lake.rglob("*") if path.is_file()]
    assert files
    assert {path.stat().st_mode & 0o077 for path in files} == {0}
    assert {path.stat().st_mode & 0o077 for path in lake.glob("edition=*/sort=*/day=*/bucket=*/source=*")} == {0}
