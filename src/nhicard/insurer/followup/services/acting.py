"""The steps of people: the institution explains, its division accepts or returns."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from django.db import transaction

from nhicard.insurer.accounts.models import DIVISION_ROLES, INSTITUTION_ROLES, User
from nhicard.insurer.cases.acting import Action, Workflow
from nhicard.insurer.followup.limits import limits
from nhicard.insurer.followup.models import Case, State, Step

WORKFLOW: Final = Workflow(
    "followup",
    "case",
    (
        Action("explain", INSTITUTION_ROLES, (State.OPEN, State.OVERDUE), State.EXPLAINED, True, "explained"),
        Action("accept", DIVISION_ROLES, (State.EXPLAINED,), State.ACCEPTED, False, "accepted"),
        Action("return", DIVISION_ROLES, (State.EXPLAINED,), State.OPEN, True, "returned"),
    ),
)


@transaction.atomic
def act(case: Case, action: str, user: User, remark: str, now: datetime) -> Case:
    """Take the step. Raises CannotAct."""
    found = Case.objects.select_for_update().get(pk=case.pk)
    taken = WORKFLOW.take(found, action, user, remark)
    if taken.after == State.OPEN:  # returned: time enough for another answer
        found.due = max(found.due, now.date() + timedelta(days=limits().newborn.answer_within))
    found.save(update_fields=["state", "due"])
    Step.objects.create(case=found, at=now, actor=user.username, name=taken.step, remark=remark)
    WORKFLOW.note(found, taken, user, now)
    return found
