"""Submissions and findings as the pages show them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, Final

from django.template.defaultfilters import filesizeformat
from django.utils import translation

from nhicard.checks.wording import sentences_of
from nhicard.formats.tables import Edition
from nhicard.insurer.intake.kinds import KINDS
from nhicard.insurer.intake.models import State, Submission
from nhicard.insurer.monitoring.presenting import moment_text
from nhicard.insurer.portal.texts import text


@dataclass(frozen=True, slots=True)
class Row:
    """A submission in the list and at the head of its own page."""

    number: int
    receipt: str
    received_at: str
    kind: str
    way: str
    state: str
    is_pending: bool
    size: str
    records: str
    accepted: str
    warned: str
    rejected: str
    has_rejected: bool
    share: str


@dataclass(frozen=True, slots=True)
class Fault:
    """A finding, or several of one kind counted (``count``)."""

    code: str
    field: str
    severity: str
    meaning: str
    count: str = ""
    record: str = ""
    order: str = ""
    line: str = ""


def row(submission: Submission) -> Row:
    """The submission for people; counts are blank until it is checked."""
    known = submission.state == State.CHECKED
    records, rejected = submission.records or 0, submission.rejected or 0
    return Row(
        number=submission.pk,
        receipt=submission.receipt.strip(),
        received_at=moment_text(submission.received_at),
        kind=text(f"uploads.kind.{submission.kind}"),
        way=text(f"uploads.way.{submission.channel}"),
        state=text(f"uploads.state.{submission.state}"),
        is_pending=submission.state == State.PENDING,
        size=filesizeformat(submission.size),
        records=f"{records:,}" if known else "",
        accepted=f"{submission.accepted or 0:,}" if known else "",
        warned=f"{submission.accepted_with_warnings or 0:,}" if known else "",
        rejected=f"{rejected:,}" if known else "",
        has_rejected=rejected > 0,
        share=f"{rejected / records:.1%}" if known and records else "",
    )


def faults(found: Iterable[Mapping[str, Any]], edition: Edition) -> Iterator[Fault]:
    """Findings as dictionaries (``count`` where they are counted) with what each means."""
    for each in found:
        yield Fault(
            code=each["code"],
            field=each["field"],
            severity=text(f"uploads.severity.{each['severity']}"),
            meaning=_meaning(edition, each["code"], each["field"]),
            count=f"{each['count']:,}" if "count" in each else "",
            record=f"{each['record']:,}" if each.get("record") else "",
            order=str(each["order"]) if each.get("order") else "",
            line=f"{each['line']:,}" if each.get("line") else "",
        )


COLUMNS: Final = ("record", "order", "field", "code", "severity", "line")


def told(found: Iterable[tuple[Any, ...]], edition: Edition) -> Iterator[tuple[Any, ...]]:
    """Findings (``COLUMNS``) with what each means; worded once for each field and code, for files have 100,000."""
    meaning = cache(partial(_meaning, edition))
    return ((*each, meaning(each[3], each[2])) for each in found)


def edition_of(submission: Submission) -> Edition:
    """The edition of its kind."""
    return KINDS[submission.kind].edition


def _meaning(edition: Edition, code: str, field: str) -> str:
    zh, en = sentences_of(edition, code, field)
    return en if (translation.get_language() or "").startswith("en") else zh
