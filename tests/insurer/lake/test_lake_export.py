"""A day of uploads goes into the lake as it was received and answered, whole, once."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from django.db.models import QuerySet
from polars.testing import assert_frame_equal
from tests.scale.lakes import uploads as made_up

from nhicard.checks import Context
from nhicard.formats import read
from nhicard.formats.batch import order_schema, visit_schema
from nhicard.insurer import clock
from nhicard.insurer.audit.models import Entry
from nhicard.insurer.intake.kinds import Channel
from nhicard.insurer.intake.models import Finding, Submission, Visit
from nhicard.insurer.intake.services import receiving
from nhicard.insurer.intake.services.retention import forget_old_results
from nhicard.insurer.intake.worker import Worker
from nhicard.insurer.lake import source
from nhicard.insurer.lake.export import NotYet, export
from nhicard.insurer.lake.source import ReadDifferently
from nhicard.scale import lake as lakes
from nhicard.scale import period as periods
from nhicard.scale import rules, writing
from nhicard.scale.engines import Local
from nhicard.scale.period import Period

DAY = date(2023, 10, 23)
NOON = datetime(2023, 10, 23, 12)
NEXT_DAY = NOON + timedelta(days=1)
KIND = {"1.0": "B1", "2.0": "A2"}


@pytest.fixture(autouse=True)
def at_noon(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOON)


def receive(content: bytes, kind: str, institution: str, at: datetime = NOON) -> Submission:
    return receiving.receive(receiving.Upload(institution, "SAM000000001", Channel.WEB_API, kind, content), at)


@pytest.fixture
def uploaded() -> dict[str, bytes]:
    """By receipt: both editions of six institutions with some errors, the records of one sent twice, no XML; and one
    upload of the day after, which is none of them."""
    contents = {}
    for each in made_up(DAY, 40):
        contents[receive(each.content, KIND[each.edition], each.institution, each.received_at).receipt] = each.content
    check_all()
    again = made_up(DAY, 40)[0]
    for content in (again.content + b"\n", b"no XML"):
        contents[receive(content, KIND[again.edition], again.institution).receipt] = content
    check_all()
    receive(again.content + b"\n\n", KIND[again.edition], again.institution, NEXT_DAY)
    check_all()
    return contents


def check_all() -> None:
    """As the insurer's worker does, with the lists that are shipped."""
    checker = Worker(lambda: Context(as_of=NOON))
    while checker.once():
        pass


def of_day() -> QuerySet[Visit]:
    return Visit.objects.filter(received_at__lt=NEXT_DAY)


def test_records_are_the_very_ones(uploaded: dict[str, bytes], tmp_path: Path) -> None:
    """Each upload's records in the lake are those of its bytes; each verdict is that of the tables."""
    day = export(DAY, tmp_path, NEXT_DAY, buckets=4).day
    assert day == lakes.day_of(tmp_path, DAY)
    seen = set()
    for partition in day.partitions:
        lakes.verify(tmp_path, partition)
        tables = {name: pl.read_parquet(tmp_path / partition.folder / f"{name}.parquet") for name in lakes.TABLES}
        assert {name: frame.height for name, frame in tables.items()} == {
            name: partition.counts[name] for name in lakes.TABLES
        }
        for file in tables["files"].iter_rows(named=True):
            seen.add(file["receipt"])
            assert lakes.bucket_of(file["institution"], 4) == partition.place.bucket
            visits = tables["visits"].filter(file=file["file"])
            orders = tables["orders"].filter(pl.col("record").is_in(visits["record"].implode()))
            submission = Submission.objects.get(receipt=file["receipt"])
            assert visits["rejected"].sum() == submission.rejected
            of_file = tables["findings"].filter(file=file["file"])
            assert of_file.height == Finding.objects.filter(submission=submission).count()
            if uploaded[file["receipt"]] == b"no XML":
                assert not visits.height
                continue
            sent = read(uploaded[file["receipt"]])
            fields = list(visit_schema(sent.edition))[1:]
            assert visits.select(fields).equals(sent.visits.select(fields))
            of_orders = list(order_schema(sent.edition))[3:]
            assert orders.select("order", *of_orders).equals(sent.orders.select("order", *of_orders))
            first = int(visits["record"][0]) - 1
            assert (orders["record"] - first).to_list() == sent.orders["record"].to_list()
            assert (orders["visit"] - first).to_list() == sent.orders["visit"].to_list()
    assert seen == set(uploaded)
    assert Entry.objects.get(action="lake.export").subject == DAY.isoformat()


def test_the_same_rules_change_nothing(uploaded: dict[str, bytes], tmp_path: Path) -> None:
    """What the worker decided with more than the lake holds is left as it is."""
    export(DAY, tmp_path / "lake", NEXT_DAY, buckets=4)
    found = periods.recheck(Period(tmp_path / "lake", DAY, DAY, rules.edition()), Local(), tmp_path / "out").outcome
    assert found.counts["records"].sum() == of_day().count()
    assert found.counts["were_rejected"].sum() == of_day().filter(state="rejected").count() > 0
    by_history = Finding.objects.filter(submission__received_at__lt=NEXT_DAY, severity="reject", code="C001")
    assert by_history.exists()
    assert found.changes.rows() == []


def test_once_more_gives_the_same(uploaded: dict[str, bytes], tmp_path: Path) -> None:
    first = export(DAY, tmp_path, NEXT_DAY)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    again = export(DAY, tmp_path, NEXT_DAY + timedelta(days=1))
    assert (first.written, again.written) == (len(first.day.partitions), 0)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_goes_on_after_a_kill(uploaded: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed while the second partition is written: the day is not published; the next run writes only the rest."""
    whole = export(DAY, tmp_path / "whole", NEXT_DAY)
    finish = writing.PartitionWriter.finish
    finished: list[lakes.Partition] = []

    def second_fails(self: writing.PartitionWriter) -> lakes.Partition:
        if finished:
            raise MemoryError
        finished.append(finish(self))
        return finished[0]

    with monkeypatch.context() as patch:
        patch.setattr(writing.PartitionWriter, "finish", second_fails)
        with pytest.raises(MemoryError):
            export(DAY, tmp_path / "lake", NEXT_DAY)
    assert lakes.day_of(tmp_path / "lake", DAY) is None
    again = export(DAY, tmp_path / "lake", NEXT_DAY)
    assert again.written == whole.written - 1
    assert again.day == whole.day
    assert {path.name for path in (tmp_path / "lake").rglob("*") if path.name.startswith(".unfinished")} == set()


def test_damaged_partitions_are_written_anew(uploaded: dict[str, bytes], tmp_path: Path) -> None:
    first = export(DAY, tmp_path, NEXT_DAY)
    path = tmp_path / first.day.partitions[0].folder / "visits.parquet"
    whole = path.read_bytes()
    path.write_bytes(whole[:-4])
    assert export(DAY, tmp_path, NEXT_DAY).written == 1
    assert path.read_bytes() == whole


def test_an_upload_that_was_checked_anew_replaces_its_partition(uploaded: dict[str, bytes], tmp_path: Path) -> None:
    first = export(DAY, tmp_path, NEXT_DAY)
    changed_one = Submission.objects.filter(received_at__lt=NEXT_DAY, kind="A2").first()
    assert changed_one
    changed_one.checked_at = NEXT_DAY
    changed_one.save()
    again = export(DAY, tmp_path, NEXT_DAY)
    assert again.written == 1
    folders = {path.parent for path in tmp_path.rglob("visits.parquet")}
    assert folders == {tmp_path / each.folder for each in again.day.partitions}
    assert len(folders) == len(first.day.partitions)


def test_forgotten_findings_leave_the_verdicts(uploaded: dict[str, bytes], tmp_path: Path) -> None:
    while forget_old_results(NOON + timedelta(days=60)):
        pass
    day = export(DAY, tmp_path, NEXT_DAY).day
    assert day.count("rejected") == of_day().filter(state="rejected").count() > 0
    files = pl.concat(pl.read_parquet(tmp_path / each.folder / "files.parquet") for each in day.partitions)
    rejected = {each.receipt: bool(each.rejected) for each in Submission.objects.filter(receipt__in=files["receipt"])}
    assert files["codes_known"].to_list() == [not rejected[receipt] for receipt in files["receipt"]]


def test_what_is_read_differently_is_refused(uploaded: dict[str, bytes], tmp_path: Path) -> None:
    lost = of_day().first()
    assert lost
    lost.delete()
    with pytest.raises(ReadDifferently):
        export(DAY, tmp_path, NEXT_DAY)
    assert lakes.day_of(tmp_path, DAY) is None


@pytest.mark.parametrize("parts", [1, 2, 3])
def test_parts_of_any_size_give_the_same_records(
    uploaded: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, parts: int
) -> None:
    whole = export(DAY, tmp_path / "whole", NEXT_DAY, buckets=1).day
    monkeypatch.setattr(source, "_PART_UPLOADS", parts)
    split = export(DAY, tmp_path / "split", NEXT_DAY, buckets=1).day
    for one, other in zip(whole.partitions, split.partitions, strict=True):
        there = _by_number(tmp_path / "split" / other.folder)
        for table, rows in _by_number(tmp_path / "whole" / one.folder).items():
            assert_frame_equal(there[table], rows)


def _by_number(folder: Path) -> dict[str, pl.DataFrame]:
    """The tables with the numbers that records have in their files, not in the partition."""
    tables = {name: pl.read_parquet(folder / f"{name}.parquet") for name in lakes.TABLES}
    numbers = tables["visits"].select("record", "number", of_file="file")
    told = {
        name: rows.join(numbers, on="record", how="left").drop("record", "visit", "of_file", strict=False)
        for name, rows in tables.items()
        if name not in ("files", "visits")
    }
    orders = tables["orders"].join(numbers, on="record").drop("record", "visit")
    told |= {"files": tables["files"], "visits": tables["visits"].drop("record"), "orders": orders}
    return {name: rows.sort(rows.columns) for name, rows in told.items()}


def test_a_day_that_is_not_over(tmp_path: Path) -> None:
    with pytest.raises(NotYet, match="not over"):
        export(DAY, tmp_path, NOON)


def test_a_day_with_uploads_that_wait(tmp_path: Path) -> None:
    receive(b"no XML", "B1", "3501200000")
    with pytest.raises(NotYet, match="1 uploads"):
        export(DAY, tmp_path, NEXT_DAY)


def test_a_day_without_uploads_is_a_day(tmp_path: Path) -> None:
    export(DAY, tmp_path, NEXT_DAY)
    assert lakes.partitions(tmp_path, DAY, DAY) == []
