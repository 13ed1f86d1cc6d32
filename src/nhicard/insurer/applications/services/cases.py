"""Drafts, and the steps of a case: one transaction, one event and one audit entry each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from django.db import transaction

from nhicard.formats import rocdate
from nhicard.insurer.accounts.models import User
from nhicard.insurer.accounts.rights import visible
from nhicard.insurer.applications.models import Case, Change, DayNumber, Event, State
from nhicard.insurer.applications.services import switching
from nhicard.insurer.applications.services.guards import GUARDS, Order
from nhicard.insurer.applications.services.refusals import Refused
from nhicard.insurer.applications.tables import Transition, kinds, open_to
from nhicard.insurer.audit import chain
from nhicard.insurer.registry.models import Institution

WRITTEN: Final = ("contact_name", "contact_phone", "contact_email", "wanted_from", "remark", "consequences_read")
_MOST_A_DAY: Final = 99_999


def draft(user: User, kind: str, now: datetime) -> Case:
    """The institution's draft of the kind, begun if there is none."""
    assert user.institution is not None
    found, _ = Case.objects.get_or_create(
        institution=user.institution,
        kind=kind,
        state=State.DRAFT,
        defaults={"applicant": user, "created_at": now},
    )
    return found


@transaction.atomic
def write(case: Case, facts: Mapping[str, Any]) -> Case:
    """Keep what the form says (``WRITTEN``), complete or not. Raises Refused once the case is handed in."""
    kept = locked(case.pk)
    if kept.state != State.DRAFT:
        raise Refused("handed_in")
    for name in WRITTEN:
        setattr(kept, name, facts[name])
    kept.save(update_fields=WRITTEN)
    return kept


def locked(pk: int) -> Case:
    """The case, which nobody else changes before the caller's transaction ends."""
    return Case.objects.select_for_update(of=("self",)).select_related("institution").get(pk=pk)


@transaction.atomic
def act(pk: int, action: str, actor: User, now: datetime, order: Order | None = None) -> Case:
    """Take a step.

    Raises Refused where the step does not lead on from the case's state, is not the actor's, or a guard says no;
    nothing has changed then. ``not_yours`` and ``not_possible`` are all that a stranger learns.
    """
    order = order or Order()
    case = locked(pk)
    if not visible(actor).filter(pk=case.institution_id).exists():
        raise Refused("not_yours")
    step = next((each for each in open_to(case.kind, case.state, actor.role) if each.action == action), None)
    if step is None:
        raise Refused("not_possible")
    if action == "submit":  # one at a time hands in for an institution: it must not have two open cases of a kind
        Institution.objects.select_for_update().get(pk=case.institution_id)
    for guard in step.guards:
        GUARDS[guard](case, actor, order, now)
    facts = _EFFECTS[action](case, actor, order, now) or {}
    case.state = step.after
    case.save()
    _tell(case, step, actor, order, now, facts)
    return case


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one of many cases; ``refused``: the name of the reason, empty where it was done."""

    number: str
    refused: str = ""


def act_on_many(cases: Iterable[Case], action: str, actor: User, now: datetime, order: Order) -> list[Outcome]:
    """The same step for each, in a transaction of its own: one that is refused leaves the others done."""
    return [_outcome(case, action, actor, now, order) for case in cases]


def _outcome(case: Case, action: str, actor: User, now: datetime, order: Order) -> Outcome:
    try:
        act(case.pk, action, actor, now, order)
    except Refused as refusal:
        return Outcome(str(case), refusal.name)
    return Outcome(str(case))


def _tell(case: Case, step: Transition, actor: User, order: Order, now: datetime, facts: dict[str, Any]) -> None:
    Event(
        case=case,
        number=case.events.count() + 1,
        at=now,
        actor=actor,
        role=actor.role,
        action=step.action,
        before=step.before,
        after=step.after,
        reason=order.reason.strip(),
        facts=facts,
    ).save()
    chain.record(
        at=now,
        actor=actor.username,
        role=actor.role,
        action=f"case.{step.action}",
        subject=f"case {case.number}",
        institution=case.institution.code,
        facts={"from": step.before, "to": step.after} | facts,
    )


def _submit(case: Case, actor: User, _: Order, now: datetime) -> dict[str, Any]:
    case.number = _next_number(now.date())
    case.applicant = actor
    case.submitted_at = now
    case.due_on = kinds()[case.kind].due(now.date())
    return {"attachments": [each.sha256 for each in case.attachments.order_by("pk")]}


def _next_number(day: date) -> str:
    """ROC date and five digits, given in the caller's transaction: one that is rolled back leaves no gap."""
    DayNumber.objects.bulk_create([DayNumber(day=day)], ignore_conflicts=True)
    row = DayNumber.objects.select_for_update().get(day=day)
    if row.last >= _MOST_A_DAY:
        raise Refused("no_more_numbers")
    row.last += 1
    row.save(update_fields=["last"])
    return f"{rocdate.format_date(day)}{row.last:05d}"


def _withdraw(case: Case, _: User, __: Order, now: datetime) -> None:
    case.decided_at = now


def _agree(case: Case, actor: User, order: Order, now: datetime) -> dict[str, Any]:
    assert order.effective_from is not None
    effect = kinds()[case.kind].effect
    _decide(case, actor, order, now)
    case.effective_from = order.effective_from
    if effect:
        switching.decided(case, Change(effect), order.effective_from, now)
    return {"effective_from": order.effective_from.isoformat()}


def _refuse(case: Case, actor: User, order: Order, now: datetime) -> None:
    _decide(case, actor, order, now)
    case.effective_from = None


def _decide(case: Case, actor: User, order: Order, now: datetime) -> None:
    if case.proposal:
        case.supervisor = actor
    elif case.officer is None:
        case.officer = actor
    case.reason, case.decided_at = order.reason.strip(), now


def _propose(case: Case, actor: User, order: Order, proposal: str) -> dict[str, Any]:
    case.officer = case.officer or actor
    case.proposed_by, case.proposal = actor, proposal
    case.reason, case.effective_from = order.reason.strip(), order.effective_from
    return {"effective_from": order.effective_from.isoformat()} if order.effective_from else {}


def _send_back(case: Case, _: User, __: Order, ___: datetime) -> None:
    case.proposed_by, case.proposal, case.reason, case.effective_from = None, "", "", None


def _reassign(case: Case, _: User, order: Order, __: datetime) -> dict[str, Any]:
    assert order.officer is not None
    case.officer = order.officer
    return {"officer": order.officer.username}


_EFFECTS: Final[Mapping[str, Callable[[Case, User, Order, datetime], dict[str, Any] | None]]] = {
    "submit": _submit,
    "withdraw": _withdraw,
    "agree": _agree,
    "refuse": _refuse,
    "propose-agree": lambda case, actor, order, _: _propose(case, actor, order, "agree"),
    "propose-refuse": lambda case, actor, order, _: _propose(case, actor, order, "refuse"),
    "send-back": _send_back,
    "reassign": _reassign,
}
