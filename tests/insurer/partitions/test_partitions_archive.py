"""A month out of the tables and back: nothing is lost, and what is away is still known."""

from __future__ import annotations

import stat
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

import polars as pl
import pytest
from django.db import connection
from tests.insurer.faults.databases import Database
from tests.insurer.partitions.months_world import (
    AUGUST,
    CLINIC,
    NOON,
    OCTOBER,
    SEPTEMBER,
    deliver,
    everything,
    require_each_in_force_once,
    rows_of,
    upload,
    visit,
)
from typer.testing import CliRunner

from nhicard.cli.app import app
from nhicard.insurer.audit.models import Entry
from nhicard.insurer.detectors import presenters as detectors
from nhicard.insurer.detectors.models import Evidence
from nhicard.insurer.detectors.models import Finding as Irregularity
from nhicard.insurer.followup import presenters as followup
from nhicard.insurer.followup.models import Case
from nhicard.insurer.intake.models import DayCount, InForce, Order, Visit, VisitState
from nhicard.insurer.partitions import archiving, ensuring, files, restoring, rows
from nhicard.insurer.partitions.files import BadArchive, CannotArchive
from nhicard.insurer.partitions.models import ArchivedMonth
from nhicard.insurer.portal.texts import text

DAY: Final = date(2023, 8, 16)


@pytest.fixture
def august(postgresql: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some records of August, one each of the months after it; slices are small."""
    monkeypatch.setattr(rows, "SLICE", 3)
    ensuring.ensure(NOON)
    made = [visit(number, DAY) for number in range(1, 8)]
    assert upload(*made, visit(8, SEPTEMBER), visit(9, date(2023, 10, 9))) == {}
    assert upload(visit(7, DAY, "M13=0007"))[1] == {"C001"}
    ensuring.ensure(NOON)
    # what COPY and CSV could mistake for something else
    Visit.objects.filter(record=1, visit_month=AUGUST).update(staff_id='"a,\n"', sequence="\\N", category="")
    Visit.objects.filter(record=2, visit_month=AUGUST).update(visit_date=None)


def august_of(before: dict[str, list[tuple[Any, ...]]]) -> dict[str, int]:
    return {f"intake_{name.lower()}": sum(AUGUST in row for row in found) for name, found in before.items()}


def test_a_month_comes_back_as_it_was(august: None, tmp_path: Path) -> None:
    before = everything(Visit, Order, InForce, DayCount)
    manifest = archiving.archive(AUGUST, tmp_path / "archive", NOON)
    folder = tmp_path / "archive" / "2023-08"
    wanted = august_of({name: before[name] for name in ("Visit", "Order")})
    assert dict(manifest.rows) == wanted
    assert min(wanted.values()) >= 7
    assert {stat.S_IMODE(each.stat().st_mode) for each in folder.iterdir()} == {0o600}
    assert {stat.S_IMODE(each.stat().st_mode) for each in (folder, folder.parent)} == {0o700}
    assert not Visit.objects.filter(visit_month=AUGUST).exists()
    assert not Order.objects.filter(visit_month=AUGUST).exists()
    assert everything(InForce, DayCount) == {name: before[name] for name in ("InForce", "DayCount")}
    assert set(rows_of("intake_visit")) == {"intake_visit_202309", "intake_visit_202310"}
    assert files.verify(folder) == manifest
    assert restoring.restore(folder, NOON) == manifest
    assert everything(Visit, Order, InForce, DayCount) == before
    require_each_in_force_once()
    assert not ArchivedMonth.objects.exists()
    told = Entry.objects.filter(action__startswith="month.").order_by("number").values_list("action", "subject")
    assert list(told) == [("month.archived", "2023-08"), ("month.restored", "2023-08")]
    assert upload(visit(20, DAY)) == {}, "ids go on behind those that came back"


def test_records_in_the_archive_are_still_in_force(august: None, tmp_path: Path) -> None:
    archiving.archive(AUGUST, tmp_path, NOON)
    assert upload(visit(1, DAY))[1] == {"C001"}
    assert upload(visit(2, DAY, "H01=D")) == {}
    assert upload(visit(3, DAY, "H01=D"), visit(3, DAY, "M13=0009")) == {}
    assert upload(visit(30, DAY)) == {}
    restoring.restore(tmp_path / "2023-08", NOON)
    require_each_in_force_once()
    first = Visit.objects.filter(visit_month=AUGUST).order_by("id")
    assert {visit.record: visit.state for visit in first[:7]} == {
        1: VisitState.ACCEPTED,
        2: VisitState.DELETED,
        3: VisitState.REPLACED,
        **dict.fromkeys(range(4, 8), VisitState.ACCEPTED),
    }


def _pending(_: Any) -> None:
    deliver(visit(50, DAY), now=datetime(2023, 8, 20, 12))


def _open_case(_: Any) -> None:
    found = Visit.objects.filter(visit_month=AUGUST).first()
    told = {"kind": "newborn", "subject": "x", "institution": CLINIC, "visit_date": DAY, "findings": []}
    Case.objects.create(visit=found, due=NOON.date(), found_at=NOON, **told)


def _there_already(root: Path) -> None:
    (root / "2023-08").mkdir(parents=True)


@pytest.mark.parametrize(
    ("month", "given", "said"),
    [
        (OCTOBER, None, "not over"),
        (date(2023, 11, 1), None, "not over"),
        (date(2022, 8, 1), None, "no such partition"),
        (AUGUST, _pending, "still to be checked"),
        (AUGUST, _open_case, "not settled"),
        (AUGUST, _there_already, "there already"),
    ],
)
def test_what_is_not_archived(
    august: None, tmp_path: Path, month: date, given: Callable[[Path], None] | None, said: str
) -> None:
    if given:
        given(tmp_path)
    before, there = everything(Visit, Order), set(tmp_path.rglob("*"))
    with pytest.raises(CannotArchive, match=said):
        archiving.archive(month, tmp_path, NOON)
    assert everything(Visit, Order) == before
    assert set(tmp_path.rglob("*")) == there, "nothing is left behind"


def _settled(found: Visit) -> Case:
    told = {"kind": "newborn", "subject": "y", "institution": CLINIC, "visit_date": DAY, "findings": []}
    return Case.objects.create(visit=found, due=NOON.date(), found_at=NOON, state="accepted", **told)


def _evidence(found: Visit) -> Evidence:
    facts = {"detector": "reuse", "subject": "z", "measured": 1, "bound": 0, "severity": "low", "state": "upheld"}
    case = Irregularity.objects.create(institution=CLINIC, day=DAY, found_at=NOON, **facts)
    told = {"subject": "z", "institution": CLINIC, "person": found.patient_id, "physician": "", "day": DAY}
    return Evidence.objects.create(finding=case, visit=found, claim="", **told)


def test_pages_say_that_a_record_is_in_the_archive(august: None, tmp_path: Path) -> None:
    found = Visit.objects.filter(visit_month=AUGUST)[0]
    pk, evidence = _settled(found).pk, _evidence(found).pk
    archiving.archive(AUGUST, tmp_path, NOON)
    case = Case.objects.select_related("visit").get(pk=pk)
    away = text("partitions.archived")
    for each in (case, Case.objects.get(pk=pk)):
        assert each.visit is None
        assert each.visit_id == found.pk
        assert followup.row(each, {}, NOON.date()).visit == away
    shown = detectors.shown(Evidence.objects.select_related("visit__submission").get(pk=evidence), "")
    assert (shown.where, shown.visit) == (away, None)
    restoring.restore(tmp_path / "2023-08", NOON)
    assert Case.objects.get(pk=pk).visit == found


def test_files_that_read_back_differently_keep_the_month(
    august: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, groups = everything(Visit, Order), files.groups
    monkeypatch.setattr(
        files,
        "groups",
        lambda *facts: (
            some.with_columns(pl.col("code") + "x") if "code" in some.columns else some for some in groups(*facts)
        ),
    )
    with pytest.raises(BadArchive, match="intake_order"):
        archiving.archive(AUGUST, tmp_path, NOON)
    assert everything(Visit, Order) == before
    assert list(tmp_path.glob("*2023-08*")) == []


@pytest.mark.parametrize("damaged", ["intake_visit.parquet", "intake_order.parquet", "manifest.json"])
def test_a_damaged_archive_is_not_restored(august: None, tmp_path: Path, damaged: str) -> None:
    archiving.archive(AUGUST, tmp_path, NOON)
    file = tmp_path / "2023-08" / damaged
    content = file.read_bytes()
    file.write_bytes(content[:-20] + bytes(20))
    with pytest.raises(BadArchive):
        restoring.restore(tmp_path / "2023-08", NOON)
    assert ArchivedMonth.objects.exists()
    file.unlink()
    told = CliRunner().invoke(app, ["archive", "verify", str(tmp_path / "2023-08")])
    assert told.exit_code == 2
    file.write_bytes(content)
    assert CliRunner().invoke(app, ["archive", "verify", str(tmp_path / "2023-08")]).exit_code == 0


def test_an_archive_is_restored_once(august: None, tmp_path: Path) -> None:
    archiving.archive(AUGUST, tmp_path, NOON)
    restoring.restore(tmp_path / "2023-08", NOON)
    before = everything(Visit, Order)
    with pytest.raises(CannotArchive, match="not archived from this database"):
        restoring.restore(tmp_path / "2023-08", NOON)
    assert everything(Visit, Order) == before


def test_on_sqlite_a_sentence(database: Database, tmp_path: Path) -> None:
    if connection.vendor == "postgresql":
        assert ensuring.is_possible()
        return
    assert ensuring.ensure(NOON) == []
    with pytest.raises(CannotArchive, match="SQLite"):
        archiving.archive(AUGUST, tmp_path, NOON)
    assert list(tmp_path.glob("*2023-08*")) == []
