"""Submissions through the rules: many small ones as one batch, a large one slice by slice."""

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
from nhicard.formats.tables import Edition
from nhicard.insurer.intake.kinds import KINDS
from nhicard.insurer.intake.models import Submission
from nhicard.insurer.intake.services.receiving import content_of

_HEADER: Final = "Y002"


@dataclass(frozen=True, slots=True)
class Checked:
    """What the rules say of a batch of one or several submissions.

    ``batch``: records numbered through all of them. ``files``: a row a visit with ``file`` (place in
    ``submissions``) and ``number`` (the record's number in its file). ``findings``: the engine's frame with the
    same two columns added; ``file`` is never null, ``number`` is for a file's own findings.
    """

    submissions: Sequence[Submission]
    batch: Batch
    files: pl.DataFrame
    findings: pl.DataFrame


def check_together(submissions: Sequence[Submission], context: Context) -> Checked:
    """Check submissions of one edition and one day, each read whole, as one batch."""
    edition = KINDS[submissions[0].kind].edition
    read = [_read(submission, edition) for submission in submissions]
    batch, files = _numbered_through(read, submissions, edition)
    checker = Checker(replace(context, as_of=datetime.combine(submissions[0].received_at, time.max)))
    found = checker.check(batch, files).frame if batch.visits.height else _nothing()
    placed = found.join(files.select("record", "file", "number"), on="record", how="left", maintain_order="left")
    findings = pl.concat([placed, *_of_files(read, context)])
    return Checked(submissions, batch, files, findings)


def check_slices(submission: Submission, context: Context) -> Iterator[Checked]:
    """Check one large submission, a slice at a time."""
    edition = KINDS[submission.kind].edition
    checker = Checker(replace(context, as_of=datetime.combine(submission.received_at, time.max)))
    slices = scan(content_of(submission))
    for batch in slices:
        if batch.edition != edition:
            yield check_together([submission], context)
            return
        files = _files(batch, 0, submission)
        found = checker.check(batch, files).frame
        numbered = found.with_columns(file=pl.lit(0, pl.UInt32), number=pl.col("record"))
        yield Checked([submission], batch, files, numbered)


def _read(submission: Submission, edition: Edition) -> Batch | UnusableInput:
    try:
        batch = concat(list(scan(content_of(submission), reader="kernel")) or [empty(edition)])
    except UnusableInput as unusable:
        return unusable
    if batch.edition != edition:
        return UnusableInput(
            f"檔案是 {batch.edition} 格式，與上傳類別不符；請改用正確的上傳類別。",
            f"The file is of edition {batch.edition}, not the one of this kind of upload; choose the right kind.",
        )
    return batch


def _numbered_through(
    read: Sequence[Batch | UnusableInput], submissions: Sequence[Submission], edition: Edition
) -> tuple[Batch, pl.DataFrame]:
    batches, frames, before = [], [], 0
    for place, (batch, submission) in enumerate(zip(read, submissions, strict=True)):
        if isinstance(batch, UnusableInput):
            continue
        frames.append(_files(batch, place, submission).with_columns(pl.col("record") + pl.lit(before, pl.UInt32)))
        batches.append(_shifted(batch, before))
        before += batch.visits.height
    if not batches:
        return empty(edition), _files(empty(edition), 0, submissions[0])
    return concat(batches), pl.concat(frames)


def _files(batch: Batch, place: int, submission: Submission) -> pl.DataFrame:
    return batch.visits.select(
        "record",
        number=pl.col("record"),
        file=pl.lit(place, pl.UInt32),
        uploader=pl.lit(submission.institution, pl.String),
        now=pl.lit(submission.received_at, pl.Datetime("us")),
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


def _of_files(read: Sequence[Batch | UnusableInput], context: Context) -> Iterator[pl.DataFrame]:
    """Findings that are a file's own: it is none, or a fault lies outside its records."""
    for place, batch in enumerate(read):
        if isinstance(batch, UnusableInput):
            row = dict.fromkeys(SCHEMA) | {
                "field": "*",
                "code": _HEADER,
                "severity": "file",
                "text_zh": batch.zh,
                "text_en": batch.en,
            }
            found = pl.DataFrame([row], schema=dict(SCHEMA))
        else:
            outside = replace(batch, faults=tuple(fault for fault in batch.faults if fault.record is None))
            found = fault_frame(outside, context)
        yield found.with_columns(file=pl.lit(place, pl.UInt32), number=pl.lit(None, pl.UInt32))


def _nothing() -> pl.DataFrame:
    return pl.DataFrame(schema=dict(SCHEMA))
