"""What the pages and the file show of cases, in the language of the request; whom a visit is about stays hidden."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from nhicard.insurer.applications.forms import roc_day
from nhicard.insurer.applications.presenters import roc_moment
from nhicard.insurer.followup.models import JOB, TO_DO, Case, Kind, State, Step
from nhicard.insurer.monitoring.presenting_records import time_text
from nhicard.insurer.monitoring.services.downloads import harmless
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
        left = text("followup.left", days=days) if days >= 0 else text("followup.over", days=-days)
        urgency = "over" if days < 0 else "soon" if days <= _SOON else ""
    return Row(
        case.pk,
        text(f"followup.kind.{case.kind}"),
        case.institution,
        names.get(case.institution, ""),
        time_text(case.visit.visit_time),
        masked_id(case.visit.patient_id),
        tuple(text(f"followup.finding.{each}") for each in case.findings),
        case.state,
        text(f"followup.state.{case.state}"),
        _MARKS[State(case.state)],
        roc_day(case.due),
        left,
        urgency,
    )


@dataclass(frozen=True, slots=True)
class Told:
    """A step in the history."""

    at: str
    name: str
    by: str
    remark: str


def told(step: Step) -> Told:
    """A step in words."""
    by = text("followup.by.job") if step.actor == JOB else step.actor
    return Told(roc_moment(step.at), text(f"followup.step.{step.name}"), by, step.remark)


@dataclass(frozen=True, slots=True)
class Tally:
    """An institution's cases by state."""

    code: str
    name: str
    counts: tuple[int, ...]
    total: int


def tallies(counted: Iterable[tuple[str, str, int]], names: Mapping[str, str]) -> list[Tally]:
    """Institution, state and number as one line an institution, most to do first."""
    by_code: dict[str, dict[str, int]] = {}
    for code, state, number in counted:
        by_code.setdefault(code, {})[state] = number
    lines = [
        Tally(code, names.get(code, ""), tuple(of.get(each, 0) for each in State.values), sum(of.values()))
        for code, of in by_code.items()
    ]
    return sorted(lines, key=lambda line: (-line.counts[1], -line.counts[0], line.code))


def choices(kind: type[Kind] | type[State], prefix: str) -> list[tuple[str, str]]:
    """Values and their names."""
    return [(value, text(f"followup.{prefix}.{value}")) for value in kind.values]


_HEADER: Final = ("項目", "醫事機構代碼", "醫事機構簡稱", "就醫時間", "身分證號（遮蔽）", "不符或缺漏", "狀態", "期限")


def as_csv(rows: Sequence[Row]) -> bytes:
    """The rows as a file, UTF-8 with a mark; IDs stay hidden."""
    stream = io.StringIO(newline="")
    writer = csv.writer(stream)
    writer.writerow(_HEADER)
    for each in rows:
        line = (
            *(each.kind, each.code, each.institution, each.visit, each.patient),
            *("；".join(each.findings), each.state_name, each.due),
        )
        writer.writerow([harmless(value) for value in line])
    return stream.getvalue().encode("utf-8-sig")
