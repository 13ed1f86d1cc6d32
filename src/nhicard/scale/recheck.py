"""One partition under a rule edition: whose verdict changes, and by which code.

What the edition cannot decide from the lake (history, keys, lists that are not given) keeps the insurer's first
answer, so that a difference is always one of rules.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import polars as pl

from nhicard.checks.context import Context
from nhicard.checks.engine import Checker
from nhicard.checks.faults import fault_frame
from nhicard.formats.batch import Batch, Fault, empty, order_schema, visit_schema
from nhicard.scale.lake import FAULTS, Partition, Table, verify
from nhicard.scale.rules import Decided, RuleEdition, decided

NOW_REJECTED: Final = "now_rejected"
NOW_ACCEPTED: Final = "now_accepted"
_SLICE: Final = 50_000  # visits

_OF_PARTITION: Final[Mapping[str, Any]] = {
    "day": pl.Date,
    "edition": pl.String,
    "is_precheck": pl.Boolean,
    "institution": pl.String,
}
CHANGES: Final[Mapping[str, Any]] = {
    **_OF_PARTITION,
    "receipt": pl.String,
    "number": pl.UInt32,
    "change": pl.String,
    "field": pl.String,
    "code": pl.String,
}
"""A row a reason: which finding rejects a record that was accepted, or does so no more. ``number``: in its upload."""

COUNTS: Final[Mapping[str, Any]] = {
    **_OF_PARTITION,
    **dict.fromkeys(("records", "were_rejected", "rejected", NOW_REJECTED, NOW_ACCEPTED, "undecided"), pl.UInt32),
}
"""A row an institution. ``rejected``: now; ``undecided``: rejected records whose codes are not known any more and
that no rule of the edition rejects; they count as rejected."""

_REASON: Final = ["record", "field", "code"]


@dataclass(frozen=True, slots=True)
class Task:
    """A partition of the lake to be checked again; ``as_of`` None: as of when each upload was received."""

    lake: Path
    partition: Partition
    rules: RuleEdition
    as_of: datetime | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of one partition: frames of ``CHANGES`` and ``COUNTS``, in an order that only depends on the content."""

    changes: pl.DataFrame
    counts: pl.DataFrame


def recheck(task: Task) -> Outcome:
    """Check a partition again. Raises BadLake, OtherRules."""
    verify(task.lake, task.partition)
    place = task.partition.place
    context = task.rules.context(place.day, is_precheck=place.is_precheck, as_of=task.as_of)
    table = _Tables(task)
    records = table.read("visits", ["record", "file", "number", "rejected"])
    first = _rejecting(table.read("findings"), records)
    again = _rejecting(pl.concat(_findings(table, context)), records)
    standing = _not_decided(first, decided(place.edition, context))
    return _compared(task, table.read("files"), records, first, pl.concat([again, standing]).unique())


class _Tables:
    """The partition's files."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self._folder = task.lake / task.partition.folder

    def read(self, table: Table, columns: list[str] | None = None) -> pl.DataFrame:
        return pl.read_parquet(self._path(table), columns=columns)

    def scan(self, table: Table) -> pl.LazyFrame:
        return pl.scan_parquet(self._path(table))

    def _path(self, table: Table) -> Path:
        return self._folder / f"{table}.parquet"


def _findings(table: _Tables, context: Context) -> Iterator[pl.DataFrame]:
    """Findings of the partition's records and files: ``file record field code severity``."""
    files, faults = table.read("files"), table.read("faults")
    checker = Checker(context)
    yield _of_files(table.task.partition, faults, context)
    for batch, file_of in _batches(table, faults.filter(pl.col("record").is_not_null())):
        moment = pl.lit(table.task.as_of, pl.Datetime("us")) if table.task.as_of else pl.col("received_at")
        of_files = files.select("file", now=moment, uploader="institution")
        asked = file_of.to_frame().join(of_files, on="file", how="left", maintain_order="left")
        found = checker.check(batch, asked).frame.select("record", "field", "code", "severity")
        yield found.join(
            batch.visits.select("record").hstack(file_of.to_frame()), on="record", how="left", maintain_order="left"
        ).select(_FOUND)


_FOUND: Final = ["file", "record", "field", "code", "severity"]


def _of_files(partition: Partition, faults: pl.DataFrame, context: Context) -> pl.DataFrame:
    own = faults.filter(pl.col("record").is_null())
    told = Batch(partition.place.edition, *_no_rows(partition), faults=_faults(own))
    found = fault_frame(told, context).with_columns(own["file"])
    return found.select(pl.col("file").cast(pl.UInt32), "record", "field", "code", "severity")


def _no_rows(partition: Partition) -> tuple[pl.DataFrame, pl.DataFrame]:
    nothing = empty(partition.place.edition)
    return nothing.visits, nothing.orders


def _batches(table: _Tables, faults: pl.DataFrame) -> Iterator[tuple[Batch, pl.Series]]:
    """The records in slices, with the file of each visit; numbers of records are the partition's."""
    partition = table.task.partition
    edition = partition.place.edition
    for start in range(0, partition.counts["visits"], _SLICE):
        visits = table.scan("visits").slice(start, _SLICE).collect()
        mine = pl.col("visit").is_between(start, start + _SLICE - 1)
        orders = table.scan("orders").filter(mine).with_columns(pl.col("visit") - pl.lit(start, pl.UInt32)).collect()
        of_slice = faults.filter(pl.col("record").is_between(start + 1, start + _SLICE))
        batch = Batch(
            edition,
            visits.select(list(visit_schema(edition))),
            orders.select(list(order_schema(edition))),
            faults=_faults(of_slice),
            alphabets=partition.alphabets,
        )
        yield batch, visits["file"]


def _faults(rows: pl.DataFrame) -> tuple[Fault, ...]:
    return tuple(Fault(**row) for row in rows.select([name for name in FAULTS if name != "file"]).iter_rows(named=True))


def _rejecting(findings: pl.DataFrame, records: pl.DataFrame) -> pl.DataFrame:
    """Every record with each field and code that rejects it; what rejects a file rejects all its records."""
    of_records = findings.filter((pl.col("severity") == "reject") & pl.col("record").is_not_null())
    of_files = findings.filter(pl.col("severity") == "file").select("file", "field", "code").unique()
    spread = records.select("record", "file").join(of_files, on="file")
    return pl.concat([of_records.select(_REASON), spread.select(_REASON)]).unique()


def _not_decided(first: pl.DataFrame, known: Decided) -> pl.DataFrame:
    """Of the first answer what the edition has no check for, although it means to have one."""
    wanting = pl.col("code").is_in([code for code, _ in known.wanting])
    ran = pl.DataFrame(list(known.checks), schema={"code": pl.String, "field": pl.String}, orient="row")
    return first.filter(wanting).join(ran, on=["code", "field"], how="anti", nulls_equal=True)


def _compared(
    task: Task, files: pl.DataFrame, records: pl.DataFrame, first: pl.DataFrame, again: pl.DataFrame
) -> Outcome:
    place = task.partition.place
    constant = {"day": place.day, "edition": place.edition, "is_precheck": place.is_precheck}
    of_file = files.select("file", "receipt", "institution", "codes_known")
    rejected = pl.col("record").is_in(again["record"].implode())
    judged = records.join(of_file, on="file", how="left", maintain_order="left").with_columns(
        again=rejected, undecided=pl.col("rejected") & ~pl.col("codes_known") & ~rejected
    )
    judged = judged.with_columns(
        change=pl.when(~pl.col("rejected") & pl.col("again"))
        .then(pl.lit(NOW_REJECTED))
        .when(pl.col("rejected") & ~pl.col("again") & ~pl.col("undecided"))
        .then(pl.lit(NOW_ACCEPTED)),
        **{name: pl.lit(value, COUNTS[name]) for name, value in constant.items()},
    )
    reasons = pl.concat(
        [frame.with_columns(change=pl.lit(change)) for frame, change in ((again, NOW_REJECTED), (first, NOW_ACCEPTED))]
    )
    changes = judged.filter(pl.col("change").is_not_null()).join(reasons, on=["record", "change"])
    changes = changes.select(list(CHANGES)).sort(list(CHANGES))
    counted = judged.group_by(list(_OF_PARTITION)).agg(
        records=pl.len(),
        were_rejected=pl.col("rejected").sum(),
        rejected=(pl.col("again") | pl.col("undecided")).sum(),
        now_rejected=(pl.col("change") == NOW_REJECTED).sum(),
        now_accepted=(pl.col("change") == NOW_ACCEPTED).sum(),
        undecided=pl.col("undecided").sum(),
    )
    return Outcome(changes, counted.cast(dict(COUNTS)).select(list(COUNTS)).sort(list(_OF_PARTITION)))  # type: ignore[arg-type]
