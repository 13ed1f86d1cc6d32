"""The steps of people: the division asks, the institution answers, a false positive is marked and confirmed by two."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from django.db import transaction

from nhicard.insurer.accounts.models import DIVISION_ROLES, INSTITUTION_ROLES, Role, User
from nhicard.insurer.audit import chain
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


class Why(StrEnum):
    """Why a step cannot be taken; the words are ``detectors.cannot.<value>``."""

    NOT_NOW = "not_now"
    REMARK = "remark"
    SAME_PERSON = "same_person"


class CannotAct(Exception):
    """Nothing was done; ``why`` says for what reason."""

    def __init__(self, why: Why) -> None:
        super().__init__(why.value)
        self.why = why


@dataclass(frozen=True, slots=True)
class Action:
    """A step that people take: who, from which states, to which; whether it needs a remark; what the step is called.

    ``is_internal``: the institution does not read of it.
    """

    name: str
    roles: tuple[str, ...]
    before: tuple[str, ...]
    after: State
    needs_remark: bool
    step: str
    is_internal: bool = False


_SUPERVISOR: Final = (Role.SUPERVISOR,)
ACTIONS: Final = {
    each.name: each
    for each in (
        Action("send", DIVISION_ROLES, (State.NEW,), State.SENT, False, "sent"),
        Action("answer", INSTITUTION_ROLES, (State.SENT,), State.ANSWERED, True, "answered"),
        Action("accept", DIVISION_ROLES, (State.ANSWERED,), State.ACCEPTED, False, "accepted"),
        Action("return", DIVISION_ROLES, (State.ANSWERED,), State.SENT, True, "returned"),
        Action("uphold", _SUPERVISOR, (State.SENT, State.ANSWERED), State.UPHELD, True, "upheld"),
        Action("mark", DIVISION_ROLES, (State.NEW, State.ANSWERED), State.MARKED, True, "marked", True),
        Action("confirm", _SUPERVISOR, (State.MARKED,), State.DISMISSED, False, "dismissed"),
        Action("refuse", _SUPERVISOR, (State.MARKED,), State.NEW, True, "refused", True),
    )
}
INTERNAL: Final = frozenset(each.step for each in ACTIONS.values() if each.is_internal)


def open_to(user: User, finding: Finding) -> list[Action]:
    """What the user can do with the finding now."""
    return [each for each in ACTIONS.values() if user.role in each.roles and finding.state in each.before]


@transaction.atomic
def act(finding: Finding, action: str, user: User, remark: str, now: datetime) -> Finding:
    """Take the step. Raises CannotAct: not this user's, not in this state, no remark, or one's own mark."""
    found = Finding.objects.select_for_update().get(pk=finding.pk)
    taken = next((each for each in open_to(user, found) if each.name == action), None)
    if taken is None:
        raise CannotAct(Why.NOT_NOW)
    if taken.needs_remark and not remark:
        raise CannotAct(Why.REMARK)
    if taken.name == "confirm" and found.marked_by == user.username:
        raise CannotAct(Why.SAME_PERSON)
    found.state = taken.after
    found.marked_by = user.username if taken.after == State.MARKED else found.marked_by
    if taken.after == State.SENT:
        found.sent_at, found.due = found.sent_at or now, now.date() + ANSWER_WITHIN
    found.save(update_fields=["state", "marked_by", "sent_at", "due"])
    step = Step.objects.create(finding=found, at=now, actor=user.username, name=taken.step, remark=remark)
    if taken.after == State.SENT:
        remind("detectors", [found.institution], *_ASKED, now, f"detectors-asked-{step.pk}", PAGE)
    chain.record(
        at=now,
        actor=user.username,
        role=user.role,
        action=f"detectors.{taken.step}",
        subject=f"finding {found.pk}",
        institution=found.institution,
    )
    return found
