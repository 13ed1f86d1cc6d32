"""What pages and files show of findings, in the language of the request; people stay masked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from django.utils.translation import get_language

from nhicard.insurer.applications.forms import roc_day
from nhicard.insurer.cases import presenters as cases
from nhicard.insurer.detectors.detector import Detector, detectors
from nhicard.insurer.detectors.models import Evidence, Finding, State
from nhicard.insurer.monitoring.services.personal import masked_id
from nhicard.insurer.portal.texts import text

_MARKS: Final = {
    State.NEW: "•",
    State.SENT: "…",
    State.ANSWERED: "✎",
    State.MARKED: "?",
    State.DISMISSED: "–",
    State.ACCEPTED: "✓",
    State.UPHELD: "✕",
    State.CLEARED: "✓",
}


@dataclass(frozen=True, slots=True)
class Words:
    """A detector in the language of the request."""

    name: str
    title: str
    about: str
    severity: str
    severity_name: str
    parameters: tuple[tuple[str, str], ...]


def words(of: Detector) -> Words:
    """A detector's words; parameters with their defaults."""
    english = (get_language() or "").startswith("en")
    told = tuple((each.en if english else each.zh, _value(each.default)) for each in of.parameters)
    return Words(
        of.name,
        of.title_en if english else of.title_zh,
        of.about_en if english else of.about_zh,
        of.severity,
        text(f"detectors.severity.{of.severity}"),
        told,
    )


def _value(value: Any) -> str:
    return " ".join(value) if isinstance(value, list) else str(value)


def amounts(finding: Finding) -> dict[str, str]:
    """``measured`` and ``bound`` as they are told: numbers, or percent where the bound is a share."""
    is_share = not finding.bound.is_integer()
    told = {"measured": finding.measured, "bound": finding.bound}
    return {name: f"{value:.1%}" if is_share else f"{value:,.0f}" for name, value in told.items()}


@dataclass(frozen=True, slots=True)
class Row:
    """A finding in a list."""

    pk: int
    detector: str
    severity: str
    severity_name: str
    code: str
    institution: str
    day: str
    physician: str
    person: str
    sentence: str
    state: str
    state_name: str
    mark: str
    due: str
    left: str


def row(finding: Finding, names: Mapping[str, str], today: date, *, is_own: bool) -> Row:
    """A finding as tables show it. ``names``: of institutions, by code; ``is_own``: shown to the institution."""
    of = words(detectors()[finding.detector])
    state = State.ANSWERED if is_own and finding.state in (State.MARKED, State.NEW) else State(finding.state)
    due, left = roc_day(finding.due), ""
    if finding.due and state == State.SENT:
        left = cases.left("detectors", (finding.due - today).days)
    return Row(
        finding.pk,
        of.title,
        finding.severity,
        of.severity_name,
        finding.institution,
        names.get(finding.institution, ""),
        roc_day(finding.day),
        masked_id(finding.physician),
        masked_id(finding.person),
        text(f"detectors.finding.{finding.detector}", **amounts(finding)),
        state.value,
        text(f"detectors.state.{state}"),
        _MARKS[state],
        due,
        left,
    )


@dataclass(frozen=True, slots=True)
class Shown:
    """One piece of evidence. ``visit``: its number, None for a claim or what is another institution's."""

    kind: str
    day: str
    code: str
    patient: str
    physician: str
    where: str
    visit: int | None
    is_current: bool


def shown(evidence: Evidence, own: str) -> Shown:
    """A visit or claim; ``own``: the institution that looks, empty for the insurer. What is another's stays there."""
    is_others = bool(own) and evidence.institution != own
    kind, where = text("detectors.visit"), ""
    if evidence.claim:
        of, month, category, serial = evidence.claim.split(" ")
        kind = text(f"detectors.claim.{of}")
        where = text("detectors.claim.place", month=month, category=category, serial=serial)
    elif evidence.visit:
        where = text("detectors.visit.place", receipt=evidence.visit.submission.receipt, record=evidence.visit.record)
    elif evidence.visit_id:
        where = text("partitions.archived")
    return Shown(
        kind,
        roc_day(evidence.day),
        text("detectors.elsewhere") if is_others else evidence.institution,
        masked_id(evidence.person),
        "" if is_others else masked_id(evidence.physician),
        "" if is_others else where,
        None if is_others or not evidence.visit else evidence.visit_id,
        evidence.is_current,
    )


@dataclass(frozen=True, slots=True)
class Tally:
    """A detector's findings by state."""

    name: str
    title: str
    severity: str
    severity_name: str
    counts: tuple[int, ...]
    total: int


def tallies(counted: Iterable[tuple[str, str, int]]) -> list[Tally]:
    """Detector, state and number as one line a detector, in the catalogue's order."""
    by_name: dict[str, dict[str, int]] = {}
    for name, state, number in counted:
        by_name.setdefault(name, {})[state] = number
    lines = []
    for of in detectors().values():
        if of.name in by_name:
            counts, told = by_name[of.name], words(of)
            each = tuple(counts.get(state, 0) for state in State.values)
            lines.append(Tally(of.name, told.title, of.severity, told.severity_name, each, sum(each)))
    return lines


_FINDINGS: Final = (
    *("規則", "嚴重度", "醫事機構代碼", "醫事機構簡稱", "日期", "醫師（遮蔽）", "病患（遮蔽）", "情形"),
    *("狀態", "期限"),
)
_EVIDENCE: Final = ("種類", "日期", "醫事機構代碼", "病患（遮蔽）", "醫師（遮蔽）", "位置", "目前仍符合")


def as_csv(rows: Sequence[Row]) -> bytes:
    """Findings as a file, UTF-8 with a mark; IDs stay hidden."""
    lines = [
        (
            *(each.detector, each.severity_name, each.code, each.institution, each.day, each.physician, each.person),
            *(each.sentence, each.state_name, each.due),
        )
        for each in rows
    ]
    return cases.as_csv(_FINDINGS, lines)


def evidence_csv(rows: Sequence[Shown]) -> bytes:
    """Evidence as a file, UTF-8 with a mark; IDs stay hidden."""
    lines = [
        (*(each.kind, each.day, each.code, each.patient, each.physician, each.where), "Y" if each.is_current else "N")
        for each in rows
    ]
    return cases.as_csv(_EVIDENCE, lines)
