"""The steps of people: the division asks, the institution answers, a false positive is marked and confirmed by two."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from django.db import transaction

from nhicard.insurer.accounts.models import DIVISION_ROLES, INSTITUTION_ROLES, Role, User
from nhicard.insurer.cases.acting import Action, CannotAct, Why, Workflow
from nhicard.insurer.detectors.models import Finding, State, Step
from nhicard.insurer.reminders.services import Text, remind

ANSWER_WITHIN: Final = timedelta(days=30)  # ours
PAGE: Final = "/portal/detectors/"
_ASKED: Final = (
    Text("違規案例分析：請說明", "An irregularity to explain"),
    Text(
        "分區業務組請貴院所說明一件異常，請查看案件。",
        "Your division asks you to explain an irregularity: see the case.",
    ),
)


_SUPERVISOR: Final = (Role.SUPERVISOR,)
WORKFLOW: Final = Workflow(
    "detectors",
    "finding",
    (
        Action("send", DIVISION_ROLES, (State.NEW,), State.SENT, False, "sent"),
        Action("answer", INSTITUTION_ROLES, (State.SENT,), State.ANSWERED, True, "answered"),
        Action("accept", DIVISION_ROLES, (State.ANSWERED,), State.ACCEPTED, False, "accepted"),
        Action("return", DIVISION_ROLES, (State.ANSWERED,), State.SENT, True, "returned"),
        Action("uphold", _SUPERVISOR, (State.SENT, State.ANSWERED), State.UPHELD, True, "upheld"),
        Action("mark", DIVISION_ROLES, (State.NEW, State.ANSWERED), State.MARKED, True, "marked", True),
        Action("confirm", _SUPERVISOR, (State.MARKED,), State.DISMISSED, False, "dismissed"),
        Action("refuse", _SUPERVISOR, (State.MARKED,), State.NEW, True, "refused", True),
    ),
)
INTERNAL: Final = frozenset(each.step for each in WORKFLOW.actions if each.is_internal)


@transaction.atomic
def act(finding: Finding, action: str, user: User, remark: str, now: datetime) -> Finding:
    """Take the step. Raises CannotAct, also where somebody would confirm what he marked himself."""
    found = Finding.objects.select_for_update().get(pk=finding.pk)
    taken = WORKFLOW.take(found, action, user, remark)
    if taken.name == "confirm" and found.marked_by == user.username:
        raise CannotAct(Why.SAME_PERSON)
    found.marked_by = user.username if taken.after == State.MARKED else found.marked_by
    if taken.after == State.SENT:
        found.sent_at, found.due = found.sent_at or now, now.date() + ANSWER_WITHIN
    found.save(update_fields=["state", "marked_by", "sent_at", "due"])
    step = Step.objects.create(finding=found, at=now, actor=user.username, name=taken.step, remark=remark)
    if taken.after == State.SENT:
        remind("detectors", [found.institution], *_ASKED, now, f"detectors-asked-{step.pk}", PAGE)
    WORKFLOW.note(found, taken, user, now)
    return found
