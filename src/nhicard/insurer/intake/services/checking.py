"""Submissions through the rules, many as one batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time
from typing import Final

import polars as pl

from nhicard.checks.context import Context
from nhicard.checks.engine import Checker
from nhicard.checks.faults import fault_frame
from nhicard.checks.findings import SCHEMA
from nhicard.formats.batch import Batch, concat, empty
from nhicard.formats.reader import UnusableInput, scan
from nhicard.formats.tables import Edition, order_fields
from nhicard.insurer.intake.kinds import KINDS
from nhicard.insurer.intake.models import Submission
from nhicard.insurer.intake.services.receiving import contents_of
from nhicard.insurer.registry import addresses

_HEADER: Final = "Y002"


@dataclass(frozen=True, slots=True)
class Joint:
    """Submissions of one edition, one sort (pre-check or real) and one day, read and put together.

    ``batch``: records numbered through all of them. ``files``: a row a visit with ``file`` (place in
    ``submissions``), ``number`` (the record's number in its file) and what the checks ask of a file.
    ``read``: what each one turned out to be.
    """

    submissions: Sequence[Submission]
    edition: Edition
    is_precheck: bool
    batch: Batch
    files: pl.DataFrame
    read: Sequence[Batch | UnusableInput]

    @property
    def encodings(self) -> list[str]:
        """Of each submission; empty where it could not be read."""
        return ["" if isinstance(each, UnusableInput) else each.encoding for each in self.read]


def read_together(submissions: Sequence[Submission]) -> Joint:
    """Read submissions that were claimed together."""
    kind = KINDS[submissions[0].kind]
    contents = contents_of(submissions)
    read = [_read(contents[submission.pk], kind.edition) for submission in submissions]
    senders = addresses.as_registered((each.institution, each.sender_address) for each in submissions)
    batches, files, before = [empty(kind.edition)], [_files(empty(kind.edition), 0, submissions[0], None)], 0
    for place, (batch, submission) in enumerate(zip(read, submissions, strict=True)):
        if isinstance(batch, UnusableInput):
            continue
        own = _files(batch, place, submission, senders[place])
        files.append(own.with_columns(pl.col("record") + pl.lit(before, pl.UInt32)))
        batches.append(_shifted(batch, before))
        before += batch.visits.height
    whole = concat([batch for batch in batches if batch.visits.height] or batches[:1])
    return Joint(submissions, kind.edition, kind.is_precheck, whole, pl.concat(files), read)


class RecordChecker:
    """The rules over records of a joint batch, all at once or part after part."""

    def __init__(self, joint: Joint, context: Context) -> None:
        self._joint = joint
        day = datetime.combine(joint.submissions[0].received_at, time.max)
        self._checker = Checker(replace(context, as_of=day, is_precheck=joint.is_precheck))

    def findings(self, part: Batch, rows: pl.Series) -> pl.DataFrame:
        """The engine's frame with ``file`` and ``number`` beside it. ``rows``: the part's visits in the whole."""
        files = self._joint.files[rows]
        found = self._checker.check(part, files).frame if part.visits.height else pl.DataFrame(schema=dict(SCHEMA))
        if not part.sources and self._joint.batch.sources:
            found = _with_lines(found, self._joint.batch)
        return found.join(files.select("record", "file", "number"), on="record", how="left", maintain_order="left")


def of_files(joint: Joint, context: Context) -> pl.DataFrame:
    """Findings that are a file's own: it is none, or a fault lies outside its records; ``number`` is null."""
    return pl.concat(_of_files(joint, context))


def _of_files(joint: Joint, context: Context) -> Iterator[pl.DataFrame]:
    for place, batch in enumerate(joint.read):
        if isinstance(batch, UnusableInput):
            facts = {"field": "*", "code": _HEADER, "severity": "file", "text_zh": batch.zh, "text_en": batch.en}
            found = pl.DataFrame([dict.fromkeys(SCHEMA) | facts], schema=dict(SCHEMA))
        else:
            outside = replace(batch, faults=tuple(fault for fault in batch.faults if fault.record is None))
            found = fault_frame(outside, context)
        yield found.with_columns(file=pl.lit(place, pl.UInt32), number=pl.lit(None, pl.UInt32))


def _read(content: bytes, edition: Edition) -> Batch | UnusableInput:
    try:
        batch = concat(list(scan(content, reader="kernel")) or [empty(edition)])
    except UnusableInput as unusable:
        return unusable
    if batch.edition != edition:
        return UnusableInput(
            f"檔案是 {batch.edition} 格式，與上傳類別不符；請改用正確的上傳類別。",
            f"The file is of edition {batch.edition}, not the one of this kind of upload; choose the right kind.",
        )
    return batch


def _files(batch: Batch, place: int, submission: Submission, sender: str | None) -> pl.DataFrame:
    return batch.visits.select(
        "record",
        number=pl.col("record"),
        file=pl.lit(place, pl.UInt32),
        uploader=pl.lit(submission.institution, pl.String),
        now=pl.lit(submission.received_at, pl.Datetime("us")),
        sender=pl.lit(sender, pl.String),
    )


def _shifted(batch: Batch, before: int) -> Batch:
    """The batch with its records numbered from ``before`` + 1; faults of no record are told apart."""
    by = pl.lit(before, pl.UInt32)
    return replace(
        batch,
        visits=batch.visits.with_columns(pl.col("record") + by),
        orders=batch.orders.with_columns(pl.col("record") + by),
        faults=tuple(
            replace(fault, record=fault.record + before) for fault in batch.faults if fault.record is not None
        ),
    )


def _with_lines(found: pl.DataFrame, whole: Batch) -> pl.DataFrame:
    """Line numbers of findings in a part, from the batch that still knows its bytes."""
    of_orders = set(order_fields(whole.edition))
    visits = whole.visits.select("record").with_row_index("visit_row")
    orders = whole.orders.select("record", "order").with_row_index("order_row")
    placed = found.with_row_index("finding").join(visits, on="record", how="left", maintain_order="left")
    placed = placed.join(orders, on=["record", "order"], how="left", maintain_order="left")
    parts = []
    for (field,), group in placed.group_by("field", maintain_order=True):
        scope, column = ("order", "order_row") if field in of_orders else ("visit", "visit_row")
        known = group.filter(pl.col(column).is_not_null())
        rows = known[column].to_numpy().astype("int64")
        lines = whole.lines("order" if scope == "order" else "visit", rows, str(field))
        parts.append(known.select("finding", line=pl.Series(lines, dtype=pl.Int64)))
    lines_of = pl.concat(parts) if parts else pl.DataFrame(schema={"finding": pl.UInt32, "line": pl.Int64})
    told = found.with_row_index("finding").drop("line").join(lines_of, on="finding", how="left", maintain_order="left")
    return told.select(found.columns)
