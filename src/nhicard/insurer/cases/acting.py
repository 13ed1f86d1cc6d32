"""Steps that people take: who may take which from which state, and how one is taken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from nhicard.insurer.accounts.models import User
from nhicard.insurer.audit import chain


class Why(StrEnum):
    """Why a step cannot be taken; the words are ``<app>.cannot.<value>``."""

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
    after: str
    needs_remark: bool
    step: str
    is_internal: bool = False


class Settled(Protocol):
    """What steps are taken on: a row of a table with these columns."""

    pk: Any
    state: str
    institution: str


@dataclass(frozen=True, slots=True)
class Workflow:
    """The steps of an app's cases. ``app``: its name in the audit log and in texts; ``noun``: what a case is there."""

    app: str
    noun: str
    actions: Sequence[Action]

    def open_to(self, user: User, case: Settled) -> list[Action]:
        """What the user can do with the case now."""
        return [each for each in self.actions if user.role in each.roles and case.state in each.before]

    def take(self, case: Settled, action: str, user: User, remark: str) -> Action:
        """The step of this name, and the case's new state, not yet saved.

        Raises CannotAct: not this user's, not in this state, or no remark where one is needed.
        """
        taken = next((each for each in self.open_to(user, case) if each.name == action), None)
        if taken is None:
            raise CannotAct(Why.NOT_NOW)
        if taken.needs_remark and not remark:
            raise CannotAct(Why.REMARK)
        case.state = taken.after
        return taken

    def note(self, case: Settled, taken: Action, user: User, now: datetime) -> None:
        """The step into the audit log."""
        chain.record(
            at=now,
            actor=user.username,
            role=user.role,
            action=f"{self.app}.{taken.step}",
            subject=f"{self.noun} {case.pk}",
            institution=case.institution,
        )
