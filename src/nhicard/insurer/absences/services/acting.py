"""The steps of people: the institution explains, its division accepts, returns or finds it was not so."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from django.db import transaction

from nhicard.insurer.absences.models import Case, State, Step
from nhicard.insurer.absences.rules import rules
from nhicard.insurer.accounts.models import DIVISION_ROLES, INSTITUTION_ROLES, Role, User
from nhicard.insurer.audit import chain


class Why(StrEnum):
    """Why a step cannot be taken; the words are ``absences.cannot.<value>``."""

    NOT_NOW = "not_now"
    REMARK = "remark"


class CannotAct(Exception):
    """Nothing was done; ``why`` says for what reason."""

    def __init__(self, why: Why) -> None:
        super().__init__(why.value)
        self.why = why


@dataclass(frozen=True, slots=True)
class Action:
    """A step that people take: who, from which states, to which; whether it needs a remark; what the step is called."""

    name: str
    roles: tuple[str, ...]
    before: tuple[str, ...]
    after: State
    needs_remark: bool
    step: str


ACTIONS: Final = {
    each.name: each
    for each in (
        Action("explain", INSTITUTION_ROLES, (State.OPEN, State.OVERDUE), State.EXPLAINED, True, "explained"),
        Action("accept", DIVISION_ROLES, (State.EXPLAINED,), State.ACCEPTED, False, "accepted"),
        Action("return", DIVISION_ROLES, (State.EXPLAINED,), State.OPEN, True, "returned"),
        Action("uphold", (Role.SUPERVISOR,), (State.EXPLAINED, State.OVERDUE), State.UPHELD, True, "upheld"),
    )
}


def open_to(user: User, case: Case) -> list[Action]:
    """What the user can do with the case now."""
    return [each for each in ACTIONS.values() if user.role in each.roles and case.state in each.before]


@transaction.atomic
def act(case: Case, action: str, user: User, remark: str, now: datetime) -> Case:
    """Take the step. Raises CannotAct: not this user's, not in this state, or no remark where one is needed."""
    found = Case.objects.select_for_update().get(pk=case.pk)
    taken = next((each for each in open_to(user, found) if each.name == action), None)
    if taken is None:
        raise CannotAct(Why.NOT_NOW)
    if taken.needs_remark and not remark:
        raise CannotAct(Why.REMARK)
    found.state = taken.after
    if taken.after == State.OPEN:  # returned: time enough for another answer
        found.due = max(found.due, now.date() + timedelta(days=rules().answer_within))
    found.save(update_fields=["state", "due"])
    Step.objects.create(case=found, at=now, actor=user.username, name=taken.step, remark=remark)
    chain.record(
        at=now,
        actor=user.username,
        role=user.role,
        action=f"absences.{taken.step}",
        subject=f"case {found.pk}",
        institution=found.institution,
    )
    return found
