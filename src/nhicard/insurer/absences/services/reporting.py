"""What an institution tells of its physicians' journeys, and who stands in meanwhile."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from django.db import transaction
from django.db.models import Q, QuerySet

from nhicard.identity import national_id
from nhicard.insurer.absences.models import ReportedAbsence
from nhicard.insurer.accounts.models import User
from nhicard.insurer.audit import chain


class Why(StrEnum):
    """Why a report is not taken; the words are ``absences.refused.<value>``."""

    PHYSICIAN = "physician"
    REPLACEMENT = "replacement"
    SAME = "same"
    DAYS = "days"
    OVERLAP = "overlap"
    AWAY = "away"


class Refused(ValueError):
    """Nothing was kept; ``why`` says for what reason."""

    def __init__(self, why: Why) -> None:
        super().__init__(why.value)
        self.why = why


@dataclass(frozen=True, slots=True)
class Journey:
    """A report as it was filled in; ``entry_on`` None: not known yet."""

    physician: str
    replacement: str
    exit_on: date
    entry_on: date | None
    remark: str = ""


@transaction.atomic
def report(journey: Journey, user: User, now: datetime) -> ReportedAbsence:
    """Keep a report of the user's institution. Raises Refused."""
    assert user.institution
    if not national_id.is_valid_id(journey.physician):
        raise Refused(Why.PHYSICIAN)
    if not national_id.is_valid_id(journey.replacement):
        raise Refused(Why.REPLACEMENT)
    if journey.physician == journey.replacement:
        raise Refused(Why.SAME)
    if journey.entry_on and journey.entry_on < journey.exit_on:
        raise Refused(Why.DAYS)
    at_once = _at_the_time(journey).filter(institution=user.institution)
    if at_once.filter(physician=journey.physician).exists():
        raise Refused(Why.OVERLAP)
    if at_once.filter(physician=journey.replacement).exists():
        raise Refused(Why.AWAY)
    made = ReportedAbsence.objects.create(
        institution=user.institution,
        physician=journey.physician,
        replacement=journey.replacement,
        exit_on=journey.exit_on,
        entry_on=journey.entry_on,
        remark=journey.remark,
        at=now,
        by=user,
    )
    _note(made, "reported", user, now)
    return made


@transaction.atomic
def withdraw(told: ReportedAbsence, user: User, now: datetime) -> None:
    """Take a report back; again changes nothing."""
    found = ReportedAbsence.objects.select_for_update().get(pk=told.pk)
    if found.withdrawn_at is None:
        found.withdrawn_at = now
        found.save(update_fields=["withdrawn_at"])
        _note(found, "withdrawn", user, now)


def _at_the_time(journey: Journey) -> QuerySet[ReportedAbsence]:
    ends_later = Q(entry_on__isnull=True) | Q(entry_on__gte=journey.exit_on)
    begins_earlier = Q(exit_on__lte=journey.entry_on) if journey.entry_on else Q()
    return ReportedAbsence.objects.filter(ends_later, begins_earlier, withdrawn_at__isnull=True)


def _note(told: ReportedAbsence, action: str, user: User, now: datetime) -> None:
    chain.record(
        at=now,
        actor=user.username,
        role=user.role,
        action=f"absences.{action}",
        subject=f"report {told.pk}",
        institution=told.institution.code,
    )
