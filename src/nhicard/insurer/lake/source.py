"""What the tables hold of a day's uploads: which there are, and their records with the verdicts."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time
from typing import Any, Final

import polars as pl
from django.db.models import Q, QuerySet

from nhicard.formats import together
from nhicard.formats.tables import Edition
from nhicard.formats.together import Together
from nhicard.insurer.intake.kinds import KINDS
from nhicard.insurer.intake.models import Finding, State, Submission, Visit, VisitState
from nhicard.insurer.intake.services.receiving import contents_of
from nhicard.insurer.many import one_of
from nhicard.scale.lake import SCHEMA_VERSION, Place, bucket_of
from nhicard.scale.writing import Part

_PART_BYTES: Final = 24 << 20
_PART_UPLOADS: Final = 5_000


class ReadDifferently(Exception):
    """An upload's bytes do not give the records that the tables hold of it."""


def of_day(day: date) -> QuerySet[Submission]:
    """Everything that was received on the day."""
    return Submission.objects.filter(
        received_at__gte=datetime.combine(day, time.min), received_at__lte=datetime.combine(day, time.max)
    )


def places(day: date, buckets: int) -> Iterator[tuple[Place, list[Submission]]]:
    """The day's partitions with their checked uploads in the order of their arrival, one after the other."""
    codes = of_day(day).order_by().values_list("institution", flat=True).distinct()
    by_bucket: dict[int, list[str]] = {}
    for code in codes:
        by_bucket.setdefault(bucket_of(code, buckets), []).append(code)
    for kind in KINDS.values():
        for bucket, institutions in sorted(by_bucket.items()):
            mine = of_day(day).filter(Q(one_of(pl.DataFrame({"institution": institutions}))))
            found = list(mine.filter(kind=kind.code, state=State.CHECKED).order_by("pk"))
            if found:
                yield Place(day, kind.edition, kind.is_precheck, bucket), found


def fingerprint(submissions: Sequence[Submission]) -> str:
    """Another one where an upload came to it or was checked anew."""
    digest = hashlib.sha256(str(SCHEMA_VERSION).encode())
    for each in submissions:
        digest.update(f"\n{each.receipt} {each.checked_at}".encode())
    return digest.hexdigest()[:16]


def parts(edition: Edition, submissions: Sequence[Submission]) -> Iterator[Part]:
    """The uploads in parts of bounded size. Raises ReadDifferently."""
    for some in _bounded(submissions):
        contents = contents_of(some)
        read = together.read_together([contents[each.pk] for each in some], edition)
        ids = pl.DataFrame({"submission_id": [each.pk for each in some]}).with_row_index("file")
        rejected = _rejected(read, ids)
        findings = _findings(ids)
        yield Part(read, _files(some, findings), rejected, findings)


def _bounded(submissions: Sequence[Submission]) -> Iterator[list[Submission]]:
    some: list[Submission] = []
    size = 0
    for each in submissions:
        if some and (size + each.size > _PART_BYTES or len(some) == _PART_UPLOADS):
            yield some
            some, size = [], 0
        some.append(each)
        size += each.size
    if some:
        yield some


def _rejected(read: Together, ids: pl.DataFrame) -> pl.Series:
    """Whether each visit was rejected."""
    stored = _rows(
        Visit.objects.filter(one_of(ids.select("submission_id"))).values_list("submission_id", "record", "state"),
        {"submission_id": pl.Int64, "number": pl.UInt32, "state": pl.String},
    )
    of_visits = read.files.join(ids, on="file", how="left", maintain_order="left")
    states = of_visits.join(stored, on=["submission_id", "number"], how="left", maintain_order="left")["state"]
    if states.null_count() or stored.height != states.len():
        raise ReadDifferently(
            f"{states.null_count()} records of {states.len()} read are not in the tables, which hold {stored.height}"
        )
    return (states == VisitState.REJECTED.value).alias("rejected")


def _findings(ids: pl.DataFrame) -> pl.DataFrame:
    """The answers that were given, with the place of the upload among these."""
    found = _rows(
        Finding.objects.filter(one_of(ids.select("submission_id"))).values_list(
            "submission_id", "record", "order", "field", "code", "severity"
        ),
        {
            "submission_id": pl.Int64,
            **dict.fromkeys(("number", "order"), pl.UInt32),
            **dict.fromkeys(("field", "code", "severity"), pl.String),
        },
    )
    placed = found.join(ids, on="submission_id", how="left", maintain_order="left").drop("submission_id")
    return placed.sort("file", "number", "order", "field", "code")


def _files(submissions: Sequence[Submission], findings: pl.DataFrame) -> pl.DataFrame:
    """A row an upload. Findings are deleted some time after the answer; where they were, there is none."""
    answered = set(findings["file"])
    return pl.DataFrame(
        {
            "receipt": [each.receipt for each in submissions],
            "institution": [each.institution for each in submissions],
            "channel": [str(each.channel) for each in submissions],
            "received_at": pl.Series([each.received_at for each in submissions], dtype=pl.Datetime("us")),
            "codes_known": [not each.rejected or place in answered for place, each in enumerate(submissions)],
        }
    )


def _rows(rows: Any, schema: dict[str, Any]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=schema, orient="row")
