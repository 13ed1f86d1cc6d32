"""What else must hold for a transition, by the names in ``data/transitions.csv``. Each raises Refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from nhicard.insurer.accounts.models import DIVISION_ROLES, User
from nhicard.insurer.applications.models import Case
from nhicard.insurer.applications.services import preconditions
from nhicard.insurer.applications.services.refusals import Refused
from nhicard.insurer.applications.tables import kinds

_FURTHEST: Final = timedelta(days=366)


@dataclass(frozen=True, slots=True)
class Order:
    """What the actor says with an action."""

    reason: str = ""
    effective_from: date | None = None
    officer: User | None = None


def _complete(case: Case, _: User, __: Order, now: datetime) -> None:
    _say(bool(case.contact_name and case.contact_phone and case.contact_email), "incomplete")
    _say(case.wanted_from is None or case.wanted_from >= now.date(), "day_past")
    if kinds()[case.kind].effect == "returned":
        _say(case.consequences_read, "consequences")
    if not kinds()[case.kind].effect:
        _say(bool(case.remark), "remark_missing")


def _preconditions(case: Case, _: User, __: Order, now: datetime) -> None:
    _say(all(each.is_met for each in preconditions.of(kinds()[case.kind], case.institution, now)), "preconditions")


def _still_met(case: Case, _: User, __: Order, now: datetime) -> None:
    _say(all(each.is_met for each in preconditions.still(case, kinds()[case.kind], now)), "preconditions")


def _reason(_: Case, __: User, order: Order, ___: datetime) -> None:
    _say(bool(order.reason.strip()), "reason_missing")


def _effective(_: Case, __: User, order: Order, now: datetime) -> None:
    day = order.effective_from
    if day is None:
        raise Refused("day_missing")
    _say(day >= now.date(), "day_past")
    _say(day <= now.date() + _FURTHEST, "day_far")


def _second_person(case: Case, actor: User, _: Order, __: datetime) -> None:
    _say(case.proposed_by_id is not None and case.proposed_by_id != actor.pk, "same_person")


def _colleague(case: Case, _: User, order: Order, __: datetime) -> None:
    to = order.officer
    of_division = to is not None and to.role in DIVISION_ROLES and to.division == case.institution.division
    _say(to is not None and of_division and to.is_active, "no_colleague")


def _say(holds: bool, otherwise: str) -> None:
    if not holds:
        raise Refused(otherwise)


GUARDS: Final[Mapping[str, Callable[[Case, User, Order, datetime], None]]] = {
    "complete": _complete,
    "preconditions": _preconditions,
    "still_met": _still_met,
    "reason": _reason,
    "effective": _effective,
    "second_person": _second_person,
    "colleague": _colleague,
}
