"""Long holidays: announcing them, registering for them, and who has."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from django.db import transaction
from django.db.models import QuerySet

from nhicard.insurer.accounts.models import User
from nhicard.insurer.audit import chain
from nhicard.insurer.hours.models import Holiday, HolidayRegistration, HolidaySession
from nhicard.insurer.hours.services.regular import NotRegistered
from nhicard.insurer.hours.specialties import specialties
from nhicard.insurer.hours.week import Session
from nhicard.insurer.registry.models import Contract, Institution, Kind, Suspension, Validity

#: Kinds that see patients or dispense, and so register.
KINDS = (Kind.HOSPITAL, Kind.CLINIC, Kind.PHARMACY)
MOST_DAYS = 31


class Standing(StrEnum):
    """Whether an institution has registered for a holiday."""

    MISSING = "missing"
    OPEN = "open"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Draft:
    """A holiday to be announced; each pair of days includes its last."""

    name_zh: str
    name_en: str
    first_day: date
    last_day: date
    opens_on: date
    closes_on: date


@dataclass(frozen=True, slots=True, order=True)
class Open:
    """A session that is open on a day of a holiday."""

    day: date
    session: Session
    specialty: str


@transaction.atomic
def announce(draft: Draft, user: User | None, now: datetime) -> Holiday:
    """Announce a holiday. Raises NotRegistered where its days cannot be, or another holiday has one of them."""
    if not draft.first_day <= draft.last_day < draft.first_day + timedelta(days=MOST_DAYS):
        raise NotRegistered("hours.error.days")
    if not draft.opens_on <= draft.closes_on <= draft.last_day:
        raise NotRegistered("hours.error.window")
    if current().filter(first_day__lte=draft.last_day, last_day__gte=draft.first_day).exists():
        raise NotRegistered("hours.error.overlap")
    holiday = Holiday.objects.create(
        name_zh=draft.name_zh,
        name_en=draft.name_en,
        first_day=draft.first_day,
        last_day=draft.last_day,
        opens_on=draft.opens_on,
        closes_on=draft.closes_on,
        announced_at=now,
        announced_by=user,
    )
    _note(holiday, "hours.holiday.announced", user, now)
    return holiday


@transaction.atomic
def withdraw(holiday: Holiday, user: User, now: datetime) -> None:
    """Take an announcement back; what was registered for it stays on record and counts no more."""
    if Holiday.objects.filter(pk=holiday.pk, withdrawn_at=None).update(withdrawn_at=now):
        _note(holiday, "hours.holiday.withdrawn", user, now)


@transaction.atomic
def register(
    holiday: Holiday,
    institution: Institution,
    sessions: Iterable[Open],
    is_closed: bool,
    remark: str,
    user: User | None,
    now: datetime,
) -> HolidayRegistration:
    """Register the sessions of a holiday, or that the institution is closed; the last registration counts.

    Raises NotRegistered outside the window, for a day or specialty that there is not, and for neither or both.
    """
    chosen = sorted(set(sessions))
    if holiday.withdrawn_at or not is_taken(holiday, now.date()):
        raise NotRegistered("hours.error.not_now")
    if bool(chosen) == is_closed:
        raise NotRegistered("hours.error.both" if chosen else "hours.error.neither")
    if any(each.day not in days(holiday) or each.specialty not in specialties() for each in chosen):
        raise NotRegistered("hours.error.cell")
    made = HolidayRegistration(
        holiday=holiday, institution=institution, is_closed=is_closed, remark=remark, at=now, by=user
    )
    made.save()
    HolidaySession.objects.bulk_create(
        HolidaySession(registration=made, day=each.day, session=each.session, specialty=each.specialty)
        for each in chosen
    )
    if user:
        chain.record(
            at=now,
            actor=user.username,
            role=user.role,
            action="hours.holiday.registered",
            subject=f"holiday registration {made.pk}",
            institution=institution.code,
            facts={"holiday": holiday.pk, "closed": is_closed, "sessions": len(chosen)},
        )
    return made


def current() -> QuerySet[Holiday]:
    """Holidays that were not withdrawn, the latest first."""
    return Holiday.objects.filter(withdrawn_at=None).order_by("-first_day")


def of_day(day: date) -> Holiday | None:
    """The holiday that the day belongs to, if any."""
    return current().filter(first_day__lte=day, last_day__gte=day).first()


def days(holiday: Holiday) -> list[date]:
    """Every day of the holiday."""
    return [holiday.first_day + timedelta(days=n) for n in range((holiday.last_day - holiday.first_day).days + 1)]


def is_taken(holiday: Holiday, today: date) -> bool:
    """Whether registrations are taken today."""
    return holiday.opens_on <= today <= holiday.closes_on


def required(holiday: Holiday, institutions: QuerySet[Institution]) -> QuerySet[Institution]:
    """Those of the institutions that have to register: under contract on the first day and not suspended then."""
    contracted = Contract.objects.filter(Validity.on(holiday.first_day)).values("institution")
    suspended = Suspension.objects.filter(Validity.on(holiday.first_day)).values("institution")
    return institutions.filter(kind__in=KINDS, pk__in=contracted).exclude(pk__in=suspended)


def registered(holiday: Holiday, institutions: QuerySet[Institution]) -> Mapping[int, HolidayRegistration]:
    """By institution's primary key, the registration that counts; those with none are not in it."""
    rows = HolidayRegistration.objects.filter(holiday=holiday, institution__in=institutions).order_by("pk")
    return {row.institution_id: row for row in rows}


def sessions(registration: HolidayRegistration) -> frozenset[Open]:
    """What is open by a registration."""
    rows = registration.sessions.values_list("day", "session", "specialty")
    return frozenset(Open(day, Session(session), specialty) for day, session, specialty in rows)


def standing(registration: HolidayRegistration | None) -> Standing:
    """What a registration, or having none, comes to."""
    if registration is None:
        return Standing.MISSING
    return Standing.CLOSED if registration.is_closed else Standing.OPEN


def _note(holiday: Holiday, action: str, user: User | None, now: datetime) -> None:
    if user:
        facts = {"first": holiday.first_day.isoformat(), "last": holiday.last_day.isoformat()}
        chain.record(
            at=now, actor=user.username, role=user.role, action=action, subject=f"holiday {holiday.pk}", facts=facts
        )
