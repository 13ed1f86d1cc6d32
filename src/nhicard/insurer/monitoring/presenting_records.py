"""Records as the pages show them: lines of a list, one record with its findings in both editions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from nhicard.checks.explanation import CodeExplanation, explain_code
from nhicard.checks.wording import sentences_of
from nhicard.formats import rocdate
from nhicard.formats.tables import EDITIONS, Edition, fields
from nhicard.insurer.intake.models import Finding, Visit, VisitState
from nhicard.insurer.monitoring.presenting import category_text, day_text, is_english, moment_text
from nhicard.insurer.monitoring.services.personal import masked_id, masked_ids, masked_value
from nhicard.insurer.monitoring.services.records import Sent
from nhicard.insurer.portal.texts import text

#: What identifies a record, by edition.
_FACTS: Final = {
    "1.0": ("A12", "A13", "A17", "A54", "A18", "A23", "A15"),
    "2.0": ("M03", "M04", "M11", "M49", "M13", "M07", "M06", "M15"),
}


@dataclass(frozen=True, slots=True)
class Line:
    """A record in a list."""

    id: int
    at: str
    day: str
    category: str
    patient: str
    sequence: str
    arrived_by: str


@dataclass(frozen=True, slots=True)
class Problem:
    """A finding with its words: what is wrong and what would be right."""

    order: int | None
    field: str
    name: str
    code: str
    value: str
    is_warning: bool
    sentence: str
    further: Sequence[str] = ()
    wrong: Sequence[str] = ()
    right: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Side:
    """A record in one edition. ``note``: why there is nothing to read."""

    edition: str
    title: str
    state: str
    is_good: bool
    facts: Sequence[tuple[str, str, str]]
    problems: Sequence[Problem]
    note: str = ""
    earlier: Sequence[Side] = field(default=())


def lines(records: Sequence[Visit]) -> list[Line]:
    """The list's lines, whom they are about hidden."""
    patients = masked_ids([each.patient_id for each in records])
    return [
        Line(
            id=each.pk,
            at=time_text(each.visit_time),
            day=day_text(each.visit_date) if each.visit_date else "—",
            category=category_text(each.category),
            patient=patient,
            sequence=each.sequence or "—",
            arrived_by=getattr(each, "arrived_by", "") or "",
        )
        for each, patient in zip(records, patients, strict=True)
    ]


def side(sent: Sent, *, shown: bool, earlier: Iterable[Side] = ()) -> Side:
    """A record as it was sent; ``shown``: with personal data."""
    edition = _edition(sent.visit)
    problems = [problem(edition, each, shown=shown) for each in sent.findings]
    way = text(f"monitoring.way.{sent.visit.channel}")
    note = ""
    if not problems:
        note = text("monitoring.forgotten" if sent.forgotten else "monitoring.no_findings")
    return Side(
        edition=edition,
        title=text("monitoring.sent", at=moment_text(sent.visit.received_at), way=way, record=sent.visit.record),
        state=text(f"monitoring.state.{sent.visit.state}"),
        is_good=sent.visit.state == VisitState.ACCEPTED,
        facts=[
            (name, _field_name(edition, name), _shown(edition, name, sent.fields[name], shown=shown))
            for name in _FACTS[edition]
            if sent.fields.get(name)
        ],
        problems=sorted(problems, key=lambda each: each.is_warning),
        note=note,
        earlier=list(earlier),
    )


def problem(edition: Edition, finding: Finding, *, shown: bool) -> Problem:
    """A finding in words, with the explanation of its code."""
    sentence = sentences_of(edition, finding.code, finding.field)[is_english()]
    further: Sequence[str] = ()
    wrong: Sequence[str] = ()
    right: Sequence[str] = ()
    try:
        told = explain_code(edition, finding.code)
    except KeyError:  # a code of later than the tables: its name says what there is to say
        pass
    else:
        further = told.rule.more if told.rule else ()
        if told.example and _is_about(finding.field, told):
            wrong, right = told.example.breaks, told.example.keeps
    return Problem(
        order=finding.order,
        field=finding.field,
        name=_field_name(edition, finding.field),
        code=finding.code,
        value=_shown(edition, finding.field, finding.value or "", shown=shown),
        is_warning=finding.severity == "warn",
        sentence=sentence,
        further=further,
        wrong=wrong,
        right=right,
    )


def _is_about(blamed: str, told: CodeExplanation) -> bool:
    """Whether the example helps: one of a rule for any field may be about another field."""
    assert told.example
    of_any_field = told.rule is None or told.rule.field == "*"
    return not of_any_field or any(each.startswith(blamed) for each in (*told.example.breaks, *told.example.keeps))


def patient_text(record: Visit, *, shown: bool) -> str:
    """The patient's ID, hidden unless ``shown``."""
    return record.patient_id if shown else masked_id(record.patient_id)


def time_text(sent: str) -> str:
    """A visit time as sent, readable where it is one."""
    try:
        at: datetime = rocdate.parse_datetime(sent)
    except ValueError:
        return sent or "—"
    return f"{moment_text(at)}:{at:%S}"


def _shown(edition: Edition, name: str, value: str, *, shown: bool) -> str:
    return value if shown else masked_value(edition, name, value)


def _field_name(edition: Edition, name: str) -> str:
    known = fields(edition).get(name)
    return "" if known is None else known.name_en if is_english() else known.name_zh


def _edition(visit: Visit) -> Edition:
    return next(each for each in EDITIONS if each == visit.edition)
