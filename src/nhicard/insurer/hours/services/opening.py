"""Who is open on a day. On a long holiday only what was registered for it counts, never the regular hours."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from django.db.models import QuerySet

from nhicard.insurer.hours.models import HolidaySession, RegularHours
from nhicard.insurer.hours.services import holidays, regular
from nhicard.insurer.hours.week import Session
from nhicard.insurer.registry.models import Institution


@dataclass(frozen=True, slots=True)
class Opening:
    """What is known of an institution on a day: specialties by session, NT$ by specialty where told, and a remark."""

    sessions: Mapping[Session, tuple[str, ...]]
    fees: Mapping[str, int]
    remark: str

    @property
    def is_open(self) -> bool:
        """Whether any session is open."""
        return bool(self.sessions)


def openings(institutions: QuerySet[Institution], day: date) -> Mapping[int, Opening]:
    """By institution's primary key; those of which nothing is known for the day are not in it."""
    usual = regular.in_force(institutions, day)
    holiday = holidays.of_day(day)
    if holiday is None:
        return {key: _regular(rows, day) for key, rows in usual.items()}
    registered = holidays.registered(holiday, institutions)
    of_registration = defaultdict(list)
    wanted = HolidaySession.objects.filter(registration__holiday=holiday, day=day)
    for number, session, specialty in wanted.values_list("registration", "session", "specialty"):
        of_registration[number].append((Session(session), specialty))
    return {
        key: Opening(_by_session(of_registration[row.pk]), _fees(usual.get(key, ())), row.remark)
        for key, row in registered.items()
    }


def _regular(rows: tuple[RegularHours, ...], day: date) -> Opening:
    found = [(session, row.specialty) for row in rows for session in row.week.on(day)]
    remarks = dict.fromkeys(row.remark for row in rows if row.remark)
    return Opening(_by_session(found), _fees(rows), "；".join(remarks))


def _by_session(found: list[tuple[Session, str]]) -> Mapping[Session, tuple[str, ...]]:
    told = {session: tuple(sorted(specialty for each, specialty in found if each is session)) for session in Session}
    return {session: specialties for session, specialties in told.items() if specialties}


def _fees(rows: tuple[RegularHours, ...]) -> Mapping[str, int]:
    return {row.specialty: row.fee for row in rows if row.fee is not None}
