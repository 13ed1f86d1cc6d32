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
from nhicard.formats import together
from nhicard.formats.batch import Batch
from nhicard.formats.reader import UnusableInput
from nhicard.formats.tables import Edition, order_fields
from nhicard.formats.together import Together
from nhicard.insurer.intake.kinds import KINDS
from nhicard.insurer.intake.models import Submission
from nhicard.insurer.intake.services.receiving import contents_of
from nhicard.insurer.registry import addresses

_HEADER: Final = "Y002"


@dataclass(frozen=True, slots=True)
class Joint:
    """Submissions of one edition, one sort (pre-check or real) and one day, read and put together.

    ``read``: their records, and what each file is by itself. ``files``: a row a visit with ``file`` (place in
    ``submissions``), ``number`` (the record's number in its file) and what the checks ask of a file.
    """

    submissions: Sequence[Submission]
    edition: Edition
    is_precheck: bool
    read: Together
    files: pl.DataFrame

    @property
    def batch(self) -> Batch:
        """The records, numbered through all submissions."""
        return self.read.batch

    @property
    def encodings(self) -> list[str]:
        """Of each submission; empty where it could not be read."""
        return ["" if isinstance(each, UnusableInput) else each.encoding for each in self.read.alone]


def read_together(submissions: Sequence[Submission]) -> Joint:
    """Read submissions that were claimed together."""
    kind = KINDS[submissions[0].kind]
    contents = contents_of(submissions)
    read = together.read_together([contents[each.pk] for each in submissions], kind.edition)
    return Joint(submissions, kind.edition, kind.is_precheck, read, _files(read, submissions))


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
        found = found.join(files.select("record", "file", "number"), on="record", how="left", maintain_order="left")
        shift = pl.Series("shift", self._joint.read.line_shift)[found["file"]]
        return found.with_columns(line=pl.when(pl.col("line") > 0).then(pl.col("line") + shift).otherwise("line"))


def of_files(joint: Joint, context: Context) -> pl.DataFrame:
    """Findings that are a file's own: it is none, or a fault lies outside its records; ``number`` is null."""
    none = pl.DataFrame(schema=dict(SCHEMA) | {"file": pl.UInt32, "number": pl.UInt32})
    return pl.concat([none, *_of_files(joint, context)])


def _of_files(joint: Joint, context: Context) -> Iterator[pl.DataFrame]:
    for place, own in enumerate(joint.read.alone):
        if isinstance(own, UnusableInput):
            facts = {"field": "*", "code": _HEADER, "severity": "file", "text_zh": own.zh, "text_en": own.en}
            found = pl.DataFrame([dict.fromkeys(SCHEMA) | facts], schema=dict(SCHEMA))
        elif own.faults:
            found = fault_frame(own, context)
        else:
            continue
        yield found.with_columns(file=pl.lit(place, pl.UInt32), number=pl.lit(None, pl.UInt32))


def _files(read: Together, submissions: Sequence[Submission]) -> pl.DataFrame:
    senders = addresses.as_registered((each.institution, each.sender_address) for each in submissions)
    of_submission = pl.DataFrame(
        {
            "uploader": pl.Series([each.institution for each in submissions], dtype=pl.String),
            "now": pl.Series([each.received_at for each in submissions], dtype=pl.Datetime("us")),
            "sender": pl.Series(senders, dtype=pl.String),
        }
    )
    return pl.concat(
        [read.batch.visits.select("record"), read.files, of_submission[read.files["file"]]], how="horizontal"
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
