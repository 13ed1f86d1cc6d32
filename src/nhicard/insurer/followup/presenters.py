"""What the pages and the file show of cases, in the language of the request; whom a visit is about stays hidden."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

from nhicard.insurer.applications.forms import roc_day
from nhicard.insurer.cases import presenters as cases
from nhicard.insurer.followup.models import JOB, TO_DO, Case, State, Step
from nhicard.insurer.monitoring.presenting_records import time_text
from nhicard.insurer.monitoring.services.personal import masked_id
from nhicard.insurer.portal.texts import text

_MARKS: Final = {
    State.OPEN: "…",
    State.OVERDUE: "!",
    State.EXPLAINED: "✎",
    State.ACCEPTED: "✓",
    State.CORRECTED: "✓",
}
_SOON: Final = 3  # days left


@dataclass(frozen=True, slots=True)
class Row:
    """A case in a list."""

    pk: int
    kind: str
    code: str
    institution: str
    visit: str
    patient: str
    findings: tuple[str, ...]
    state: str
    state_name: str
    mark: str
    due: str
    left: str
    urgency: str


def row(case: Case, names: Mapping[str, str], today: date) -> Row:
    """A case as the tables show it; ``names``: of institutions, by code."""
    days = (case.due - today).days
    left, urgency = "", ""
    if case.state in TO_DO:
        left = cases.left("followup", days)
        urgency = "over" if days < 0 else "soon" if days <= _SOON else ""
    return Row(
        case.pk,
        text(f"followup.kind.{case.kind}"),
        case.institution,
        names.get(case.institution, ""),
        time_text(case.visit.visit_time) if case.visit else text("partitions.archived"),
        masked_id(case.visit.patient_id) if case.visit else "",
        tuple(text(f"followup.finding.{each}") for each in case.findings),
        case.state,
        text(f"followup.state.{case.state}"),
        _MARKS[State(case.state)],
        roc_day(case.due),
        left,
        urgency,
    )


def told(step: Step) -> cases.Told:
    """A step in words."""
    done = cases.told("followup", step)
    return replace(done, by=text("followup.by.job")) if step.actor == JOB else done


_HEADER: Final = ("項目", "醫事機構代碼", "醫事機構簡稱", "就醫時間", "身分證號（遮蔽）", "不符或缺漏", "狀態", "期限")


def as_csv(rows: Sequence[Row]) -> bytes:
    """The rows as a file, UTF-8 with a mark; IDs stay hidden."""
    lines = [
        (
            *(each.kind, each.code, each.institution, each.visit, each.patient),
            *("；".join(each.findings), each.state_name, each.due),
        )
        for each in rows
    ]
    return cases.as_csv(_HEADER, lines)
