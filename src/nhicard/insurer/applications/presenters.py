"""What the templates show of cases: plain facts in the language of the request."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.urls import NoReverseMatch, reverse

from nhicard.insurer.accounts.models import User
from nhicard.insurer.applications.forms import roc_day
from nhicard.insurer.applications.models import OPEN, Case, Change, EditionChange, State
from nhicard.insurer.applications.services import preconditions
from nhicard.insurer.applications.services.preconditions import Precondition
from nhicard.insurer.applications.tables import kinds, open_to
from nhicard.insurer.incentives.scheme import in_force, load
from nhicard.insurer.portal.texts import text

_SOON: Final = 3  # days left
_MARKS: Final = {
    State.DRAFT: "✎",
    State.OFFICER: "…",
    State.SUPERVISOR: "…",
    State.AGREED: "✓",
    State.REFUSED: "✕",
    State.WITHDRAWN: "↩",
}


def roc_moment(moment: datetime | None) -> str:
    """``112/11/01 09:30``; empty for None."""
    return f"{roc_day(moment)} {moment:%H:%M}" if moment else ""


@dataclass(frozen=True, slots=True)
class Condition:
    """A precondition in words."""

    is_met: bool
    told: str
    since: str


def conditions(found: Sequence[Precondition]) -> list[Condition]:
    """The preconditions in words."""
    return [
        Condition(each.is_met, text(f"applications.precondition.{each.name}"), roc_moment(each.since)) for each in found
    ]


@dataclass(frozen=True, slots=True)
class Row:
    """A case in a list."""

    number: str
    address: str
    institution: str
    kind: str
    submitted: str
    state: str
    state_name: str
    mark: str
    remark: str
    officer: str
    due: str
    left: str
    urgency: str


def rows(cases: Sequence[Case], today: date) -> list[Row]:
    """Cases as a list shows them."""
    return [_row(case, today) for case in cases]


def _row(case: Case, today: date) -> Row:
    urgency, left = _left(case, today)
    return Row(
        number=str(case.number),
        address=reverse("applications:case", args=[case.number]),
        institution=f"{case.institution.code} {case.institution.short_name}",
        kind=text(f"applications.kind.{case.kind}"),
        submitted=roc_day(case.submitted_at),
        state=case.state,
        state_name=text(f"applications.state.{case.state}"),
        mark=_MARKS[State(case.state)],
        remark=case.reason if case.state in (State.AGREED, State.REFUSED) else "",
        officer=case.officer.name if case.officer else "",
        due=roc_day(case.due_on),
        left=left,
        urgency=urgency,
    )


def _left(case: Case, today: date) -> tuple[str, str]:
    if not case.is_open or case.due_on is None:
        return "", ""
    days = (case.due_on - today).days
    if days < 0:
        return "over", text("applications.overdue", days=-days)
    return ("soon" if days <= _SOON else ""), text("applications.days_left", days=days)


@dataclass(frozen=True, slots=True)
class Step:
    """An event of the history."""

    at: str
    actor: str
    role: str
    action: str
    state: str
    reason: str


@dataclass(frozen=True, slots=True)
class Action:
    """A button, and which of the step's fields belong to it."""

    name: str
    told: str
    needs: tuple[str, ...]
    danger: bool


def actions(case: Case, user: User) -> list[Action]:
    """What the user may do with the case now; ``same_person`` shows when it is tried."""
    needs = {"effective": "effective_from", "reason": "reason", "colleague": "officer"}
    return [
        Action(
            step.action,
            text(f"applications.action.{step.action}"),
            tuple(needs[guard] for guard in step.guards if guard in needs),
            step.after in (State.REFUSED, State.WITHDRAWN) or step.action == "propose-refuse",
        )
        for step in open_to(case.kind, case.state, user.role)
    ]


def page(case: Case, user: User, now: datetime) -> dict[str, Any]:
    """Everything on the page of one case. An institution sees the officers' roles, not their names."""
    kind, possible = kinds()[case.kind], actions(case, user)
    is_insurer = not user.is_of_institution
    needed = {need for action in possible for need in action.needs}
    return {
        "case": case,
        "row": _row(case, now.date()),
        "kind_about": text(f"applications.kind.{case.kind}.about"),
        "wanted": roc_day(case.wanted_from),
        "effective": roc_day(case.effective_from),
        "decided": roc_moment(case.decided_at) if case.state in (State.AGREED, State.REFUSED) else "",
        "proposal": text(f"applications.proposal.{case.proposal}") if case.proposal and case.is_open else "",
        "history": list(_history(case, with_names=is_insurer)),
        "attachments": list(case.attachments.defer("content").order_by("pk")),
        "actions": possible,
        "fields": dict.fromkeys(needed, True),
        "reason_hint": text("applications.hint.reason") if "reason" in needed else "",
        "report": report(case.institution.code) if is_insurer and kind.effect == Change.ADMITTED else "",
        "conditions": conditions(preconditions.still(case, kind, now)) if is_insurer and case.is_open else [],
        "evidence": evidence(case, now) if is_insurer and kind.effect else None,
        "consequences": consequences(now.date()) if kind.effect == Change.RETURNED else [],
    }


def _history(case: Case, *, with_names: bool) -> Iterator[Step]:
    """The steps. What officers propose and tell each other before the decision is not the institution's to read."""
    for event in case.events.select_related("actor").order_by("number"):
        inner = not with_names and event.before in OPEN and event.after in OPEN
        shown = with_names or event.actor.is_of_institution
        yield Step(
            roc_moment(event.at),
            event.actor.name if shown else "",
            text(f"applications.role.{event.role}"),
            text("applications.action.inner" if inner else f"applications.action.{event.action}"),
            text(f"applications.state.{event.after}"),
            "" if inner else event.reason,
        )


def evidence(case: Case, now: datetime) -> dict[str, Any]:
    """What speaks for a change of edition: H1, and the changes on record."""
    code = case.institution.code
    return {
        "qualified": roc_moment(preconditions.qualified_at(code, now)),
        "changes": [
            {"at": roc_moment(each.effective_at), "told": text(f"applications.change.{each.kind}")}
            for each in EditionChange.objects.filter(institution=code).order_by("effective_at", "number")
        ],
    }


def report(code: str) -> str:
    """The address of the institution's monitoring report; empty where there is none here."""
    try:
        return reverse("monitoring:of_institution", args=[code])
    except NoReverseMatch:
        return ""


def consequences(today: date) -> list[str]:
    """What a return to 1.0 means, said before it is asked for; the scheme of rewards says until when one is lost."""
    loss = in_force(load(Path(settings.HOME) / "schemes"), today).item("H").lost_by
    before = loss.before if loss else today
    lost = "applications.consequence.reward_lost" if today < before else "applications.consequence.reward"
    return [
        text("applications.consequence.edition"),
        text("applications.consequence.again"),
        text(lost, day=roc_day(before)),
    ]
