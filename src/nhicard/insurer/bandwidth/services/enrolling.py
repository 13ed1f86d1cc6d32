"""Taking part: the institution applies, its division agrees or refuses with a reason, the institution may leave."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from django.db import transaction
from django.db.models import Q

from nhicard.insurer.accounts.models import User
from nhicard.insurer.audit import chain
from nhicard.insurer.bandwidth import months
from nhicard.insurer.bandwidth.models import Decision, Enrolment, Leaving
from nhicard.insurer.bandwidth.tables import open_to
from nhicard.insurer.registry.models import Institution


class Refused(Exception):
    """``name``: text ``bandwidth.refused.<name>``; nothing has changed."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class State(StrEnum):
    """What became of an enrolment."""

    WAITING = "waiting"
    AGREED = "agreed"
    REFUSED = "refused"
    ENDED = "ended"


@transaction.atomic
def apply(user: User, line_type: str, wanted_from: date, contact: tuple[str, str], now: datetime) -> Enrolment:
    """Apply for the user's institution. ``contact``: name and telephone. Raises Refused."""
    place = _locked(user.institution_id)
    if not place.is_contracted(now.date()):
        raise Refused("closed")
    if wanted_from < months.first(now.date()):
        raise Refused("month_past")
    if line_type not in {each.code for each in open_to(place.kind, wanted_from)}:
        raise Refused("line_type")
    if place.enrolments.filter(decision=None).exists():
        raise Refused("waiting")
    made = Enrolment(
        institution=place,
        number=place.enrolments.count() + 1,
        line_type=line_type,
        wanted_from=wanted_from,
        contact_name=contact[0],
        contact_phone=contact[1],
        applied_at=now,
        applied_by=user,
    )
    made.save()
    note(made, user, now, "applied", {"line_type": line_type, "from": wanted_from.isoformat()})
    return made


@transaction.atomic
def decide(
    enrolment: Enrolment, *, is_agreed: bool, effective_from: date | None, reason: str, user: User, now: datetime
) -> Decision:
    """The division's word; an agreement without a month holds from the one asked for. Raises Refused."""
    place = _locked(enrolment.institution_id)
    if Decision.objects.filter(enrolment=enrolment).exists():
        raise Refused("decided")
    reason = reason.strip()[:500]
    if not is_agreed and not reason:
        raise Refused("reason")
    since = (effective_from or enrolment.wanted_from) if is_agreed else None
    if since and since < enrolment.wanted_from:
        raise Refused("month_early")
    if since and not place.is_contracted(now.date()):
        raise Refused("closed")
    made = Decision(
        enrolment=enrolment,
        is_agreed=is_agreed,
        effective_from=since,
        reason=reason,
        decided_at=now,
        decided_by=user,
    )
    made.save()
    facts = {"from": since.isoformat() if since else "", "reason": reason}
    note(enrolment, user, now, "agreed" if is_agreed else "refused", facts)
    return made


@transaction.atomic
def leave(enrolment: Enrolment, last_month: date, user: User, now: datetime) -> Leaving:
    """End taking part with a month, at the earliest the present one. Raises Refused."""
    _locked(enrolment.institution_id)
    if state_of(Enrolment.objects.get(pk=enrolment.pk), now.date()) != State.AGREED:
        raise Refused("not_enrolled")
    if Leaving.objects.filter(enrolment=enrolment).exists():
        raise Refused("leaving")
    if last_month < months.first(now.date()):
        raise Refused("month_past")
    made = Leaving(enrolment=enrolment, last_month=last_month, at=now, by=user)
    made.save()
    note(enrolment, user, now, "left", {"last": last_month.isoformat()})
    return made


def state_of(enrolment: Enrolment, day: date) -> State:
    """What became of it, as of the day."""
    decision: Decision | None = getattr(enrolment, "decision", None)
    if decision is None:
        return State.WAITING
    if not decision.is_agreed:
        return State.REFUSED
    leaving: Leaving | None = getattr(enrolment, "leaving", None)
    return State.ENDED if leaving and leaving.last_month < months.first(day) else State.AGREED


def enrolled(institutions: Any, month: date, known_at: datetime) -> dict[int, Enrolment]:
    """Who takes part in the month by what was decided until the moment: by primary key, the enrolment that holds.

    A later agreement, e.g. on another type of line, takes the place of an earlier one from its month on.
    """
    agreed = Enrolment.objects.filter(
        institution__in=institutions,
        decision__is_agreed=True,
        decision__effective_from__lte=month,
        decision__decided_at__lte=known_at,
    ).select_related("decision", "leaving")
    last: dict[int, Enrolment] = {
        each.institution_id: each for each in agreed.order_by("decision__effective_from", "number")
    }
    return {place: each for place, each in last.items() if not _has_left(each, month, known_at)}


def _has_left(enrolment: Enrolment, month: date, known_at: datetime) -> bool:
    leaving: Leaving | None = getattr(enrolment, "leaving", None)
    return leaving is not None and leaving.at <= known_at and leaving.last_month < month


def waiting(institutions: Any) -> Iterable[Enrolment]:
    """Applications that wait for a decision, the oldest first."""
    found: Iterable[Enrolment] = (
        Enrolment.objects.filter(Q(decision=None), institution__in=institutions)
        .select_related("institution")
        .order_by("applied_at", "pk")
    )
    return found


def note(enrolment: Enrolment, user: User, now: datetime, action: str, facts: dict[str, str] | None = None) -> None:
    """An entry in the audit log about an enrolment."""
    chain.record(
        at=now,
        actor=user.username,
        role=user.role,
        action=f"bandwidth.{action}",
        subject=f"line enrolment {enrolment.pk}",
        institution=enrolment.institution.code,
        facts=facts,
    )


def _locked(pk: int | None) -> Institution:
    """The institution, so that two steps of one wait for each other."""
    return Institution.objects.select_for_update().get(pk=pk or 0)
