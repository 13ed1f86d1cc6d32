"""Small lakes of synthetic uploads, answered by the same checks as the insurer's worker runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl

from nhicard.checks import Checker, Context
from nhicard.formats import assumptions, together, write
from nhicard.formats.batch import chosen
from nhicard.formats.tables import Edition
from nhicard.formats.together import Together
from nhicard.scale import period as periods
from nhicard.scale import report, rules
from nhicard.scale.engines import Engine, Local
from nhicard.scale.lake import Day, Partition, Place, bucket_of, publish
from nhicard.scale.period import Period
from nhicard.scale.writing import Part, PartitionWriter
from nhicard.synthetic import generate
from nhicard.synthetic.plants import plant

FIRST, LAST = date(2023, 10, 22), date(2023, 10, 23)
BUCKETS = 3
INSTITUTION = {"1.0": "A14", "2.0": "M05"}
SORTS: Sequence[tuple[Edition, bool]] = (("1.0", False), ("2.0", True))


@dataclass(frozen=True, slots=True)
class Uploaded:
    """One upload: its place in the lake follows from it."""

    edition: Edition
    is_precheck: bool
    institution: str
    received_at: datetime
    receipt: str
    content: bytes


@cache
def uploads(day: date, visits: int = 300, seed: int = 5) -> list[Uploaded]:
    """Of six institutions in both editions, one record in five with a planted error."""
    moment = datetime.combine(day, time(12))
    return [each for edition, is_precheck in SORTS for each in _of_edition(edition, is_precheck, moment, visits, seed)]


def _of_edition(edition: Edition, is_precheck: bool, moment: datetime, visits: int, seed: int) -> list[Uploaded]:
    clean = generate(edition, visits, seed, moment, institutions=6)
    owner = clean.visits[INSTITUTION[edition]]
    batch, _ = plant(clean, 0.2, seed)
    return [
        Uploaded(
            edition,
            is_precheck,
            code,
            moment + timedelta(minutes=place),
            f"{edition} {moment.date()} {code}",
            write(chosen(batch, owner == code)),
        )
        for place, code in enumerate(sorted(owner.unique()))
    ]


@cache
def read_alone(content: bytes, edition: Edition) -> Together:
    """An upload by itself."""
    return together.read_together([content], edition)


def answered(
    each: Uploaded, read: Together, overrides: dict[str, object] | None = None, as_of: datetime | None = None
) -> pl.DataFrame:
    """Findings of an upload as the insurer gives them on the day: ``number order field code severity``."""
    context = Context(
        as_of or datetime.combine(each.received_at, time.max),
        assumptions=assumptions.load(overrides),
        is_precheck=each.is_precheck,
    )
    files = read.files.select("file", now=pl.lit(as_of or each.received_at), uploader=pl.lit(each.institution))
    return Checker(context).check(read.batch, files).frame.select("order", "field", "code", "severity", number="record")


@cache
def answered_first(each: Uploaded) -> pl.DataFrame:
    """Findings of an upload on the day that it came."""
    return answered(each, read_alone(each.content, each.edition))


def build(lake: Path, days: Sequence[date] = (FIRST, LAST), *, codes_known: bool = True, visits: int = 300) -> None:
    """A lake of these days, a partition for each bucket and edition that has uploads."""
    for day in days:
        made: list[Partition] = []
        of_day = uploads(day, visits)
        for edition, is_precheck in SORTS:
            for bucket in range(BUCKETS):
                mine = [
                    each
                    for each in of_day
                    if each.edition == edition and bucket_of(each.institution, BUCKETS) == bucket
                ]
                if mine:
                    made.append(partition(lake, Place(day, edition, is_precheck, bucket), mine, codes_known))
        publish(lake, Day(day, BUCKETS, 0, tuple(made)))


def partition(lake: Path, place: Place, mine: Sequence[Uploaded], codes_known: bool = True) -> Partition:
    """A part an upload, so that numbering goes on from part to part."""
    with PartitionWriter(lake, place, "made up") as writer:
        for each in mine:
            writer.add(part(each, codes_known))
        return writer.finish()


def part(each: Uploaded, codes_known: bool = True) -> Part:
    """An upload with its answer."""
    read = read_alone(each.content, each.edition)
    found = answered_first(each).with_columns(file=pl.lit(0, pl.UInt32))
    bad = found.filter(pl.col("severity") != "warn")["number"]
    files = pl.DataFrame(
        {
            "receipt": [each.receipt],
            "institution": [each.institution],
            "channel": ["web"],
            "received_at": [each.received_at],
            "codes_known": [codes_known],
        }
    )
    rejected = read.files["number"].is_in(bad.implode()).alias("rejected")
    return Part(read, files, rejected, found if codes_known else found.clear())


def period(lake: Path, overrides: dict[str, Any] | None = None, as_of: datetime | None = None) -> Period:
    """Both days under other assumptions."""
    return Period(lake, FIRST, LAST, rules.edition(assumptions.load(overrides)), as_of)


def report_of(asked: Period, to: Path, engine: Engine | None = None) -> dict[str, bytes]:
    """The files of the report."""
    report.write(asked, periods.recheck(asked, engine or Local(), to), to)
    return report_files(to)


def report_files(folder: Path) -> dict[str, bytes]:
    """Of a report that was written."""
    names = ("changes.parquet", "institutions.parquet", "report.json", "report.txt")
    return {name: (folder / name).read_bytes() for name in names}
