"""The steps of people: the institution explains, its division accepts, returns or finds it was not so."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from django.db import transaction

from nhicard.insurer.absences.models import Case, State, Step
from nhicard.insurer.absences.rules import rules
from nhicard.insurer.accounts.models import DIVISION_ROLES, INSTITUTION_ROLES, Role, User
from nhicard.insurer.cases.acting import Action, Workflow

WORKFLOW: Final = Workflow(
    "absences",
    "case",
    (
        Action("explain", INSTITUTION_ROLES, (State.OPEN, State.OVERDUE), State.EXPLAINED, True, "explained"),
        Action("accept", DIVISION_ROLES, (State.EXPLAINED,), State.ACCEPTED, False, "accepted"),
        Action("return", DIVISION_ROLES, (State.EXPLAINED,), State.OPEN, True, "returned"),
        Action("uphold", (Role.SUPERVISOR,), (State.EXPLAINED, State.OVERDUE), State.UPHELD, True, "upheld"),
    ),
)


@transaction.atomic
def act(case: Case, action: str, user: User, remark: str, now: datetime) -> Case:
    """Take the step. Raises CannotAct."""
    found = Case.objects.select_for_update().get(pk=case.pk)
    taken = WORKFLOW.take(found, action, user, remark)
    if taken.after == State.OPEN:  # returned: time enough for another answer
        found.due = max(found.due, now.date() + timedelta(days=rules().answer_within))
    found.save(update_fields=["state", "due"])
    Step.objects.create(case=found, at=now, actor=user.username, name=taken.step, remark=remark)
    WORKFLOW.note(found, taken, user, now)
    return found
