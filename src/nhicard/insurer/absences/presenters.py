"""What pages and files show of cases, in the language of the request; patients and physicians stay masked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from nhicard.insurer.absences.models import TO_DO, Case, Evidence, ReportedAbsence, State
from nhicard.insurer.applications.forms import roc_day
from nhicard.insurer.applications.presenters import roc_moment
from nhicard.insurer.cases import presenters as cases
from nhicard.insurer.monitoring.services.personal import masked_id
from nhicard.insurer.portal.texts import text

_MARKS: Final = {
    State.OPEN: "…",
    State.OVERDUE: "!",
    State.EXPLAINED: "✎",
    State.ACCEPTED: "✓",
    State.UPHELD: "✕",
    State.CLEARED: "✓",
}
_SOON: Final = 3  # days left


@dataclass(frozen=True, slots=True)
class Row:
    """A case in a list."""

    pk: int
    code: str
    institution: str
    physician: str
    replacement: str
    days: str
    source: str
    visits: int
    claims: int
    state: str
    state_name: str
    mark: str
    due: str
    left: str
    urgency: str


def row(case: Case, counts: Mapping[int, tuple[int, int]], names: Mapping[str, str], today: date) -> Row:
    """A case as tables show it. ``counts``: visits and claims by case; ``names``: of institutions, by code."""
    days = (case.due - today).days
    left, urgency = "", ""
    if case.state in TO_DO:
        left = cases.left("absences", days)
        urgency = "over" if days < 0 else "soon" if days <= _SOON else ""
    visits, claims = counts.get(case.pk, (0, 0))
    return Row(
        case.pk,
        case.institution,
        names.get(case.institution, ""),
        masked_id(case.physician),
        masked_id(case.replacement),
        period(case.exit_on, case.entry_on),
        text("absences.source.report" if case.is_reported else "absences.source.list"),
        visits,
        claims,
        case.state,
        text(f"absences.state.{case.state}"),
        _MARKS[State(case.state)],
        roc_day(case.due),
        left,
        urgency,
    )


def period(exit_on: date, entry_on: date | None) -> str:
    """The days of a journey."""
    return f"{roc_day(exit_on)} – {roc_day(entry_on) if entry_on else text('absences.abroad')}"


@dataclass(frozen=True, slots=True)
class Shown:
    """One piece of evidence. ``visit``: its number, None for a claim."""

    kind: str
    days: str
    patient: str
    where: str
    visit: int | None
    is_travel_day: bool
    gone: str


def shown(evidence: Evidence) -> Shown:
    """A visit or claim, whom it is about hidden."""
    days = roc_day(evidence.first_day)
    if evidence.last_day != evidence.first_day:
        days = f"{days} – {roc_day(evidence.last_day)}"
    if evidence.claim:
        kind, month, category, serial = evidence.claim.split(" ")
        name, where = (
            text(f"absences.claim.{kind}"),
            text("absences.claim.place", month=month, category=category, serial=serial),
        )
    else:
        name, where = text("absences.visit"), text("partitions.archived")
    if visit := evidence.visit:
        where = text("absences.visit.place", receipt=visit.submission.receipt, record=visit.record)
    gone = roc_moment(evidence.gone_at)
    return Shown(name, days, masked_id(evidence.person), where, visit and visit.pk, evidence.is_travel_day, gone)


@dataclass(frozen=True, slots=True)
class Reported:
    """A report of the institution itself."""

    pk: int
    physician: str
    replacement: str
    days: str
    remark: str
    at: str
    withdrawn: str


def reported(told: ReportedAbsence) -> Reported:
    """A report in words."""
    return Reported(
        told.pk,
        masked_id(told.physician),
        masked_id(told.replacement),
        period(told.exit_on, told.entry_on),
        told.remark,
        roc_moment(told.at),
        roc_moment(told.withdrawn_at),
    )


_HEADER: Final = (
    *("醫事機構代碼", "醫事機構簡稱", "醫師（遮蔽）", "出國期間", "來源", "代理醫師（遮蔽）"),
    *("就醫上傳筆數", "申報筆數", "狀態", "期限"),
)


def as_csv(rows: Sequence[Row]) -> bytes:
    """The rows as a file, UTF-8 with a mark; IDs stay hidden."""
    lines = [
        (
            *(each.code, each.institution, each.physician, each.days, each.source, each.replacement),
            *(each.visits, each.claims, each.state_name, each.due),
        )
        for each in rows
    ]
    return cases.as_csv(_HEADER, lines)
