"""Institutions under contract and holidays, for the tests of the hours."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from typing import Any

from tests.insurer.portal import people

from nhicard.insurer.hours.models import Holiday, RegularHours
from nhicard.insurer.hours.services import holidays, regular
from nhicard.insurer.hours.services.holidays import Draft, Open
from nhicard.insurer.hours.services.regular import Told
from nhicard.insurer.hours.week import Session, Week
from nhicard.insurer.registry.models import Contract, Institution

#: 清明 of ROC 111, Saturday to Tuesday, as the divisions' briefing has it; the window is ours.
QINGMING = Draft(
    "清明連假", "Tomb-Sweeping holiday", date(2022, 4, 2), date(2022, 4, 5), date(2022, 3, 1), date(2022, 3, 31)
)
#: Within the window, a Tuesday.
NOW = datetime(2022, 3, 15, 9)
MORNING, AFTERNOON, EVENING = Session
#: Monday to Friday in the morning and in the afternoon.
WEEKDAYS = Week.of_letters("NNNNNYYNNNNNYYYYYYYYY")
EVERY_DAY = Week.of_letters("NNNNNNNYYYYYYYYYYYYYY")


def place(code: str = "3501200000", division: int = 1, since: date = date(1995, 3, 1), **facts: Any) -> Institution:
    """An institution under contract."""
    made = people.institution(code, division, **facts)
    Contract.objects.create(institution=made, valid_from=since)
    return made


def holiday(**facts: Any) -> Holiday:
    """清明, or the one there is."""
    return holidays.current().first() or holidays.announce(replace(QINGMING, **facts), None, NOW)


def hours(institution: Institution, specialty: str, week: Week, since: date, **facts: Any) -> RegularHours:
    """Hours that the institution's clerk registered on that very day."""
    clerk = institution.users.first() or people.user("clerk", institution=institution)
    now = datetime.combine(since, datetime.min.time())
    return regular.register(institution, Told(specialty, since, week, **facts), clerk, now)


def opened(holiday: Holiday, institution: Institution, *sessions: tuple[int, Session, str], remark: str = "") -> None:
    """Registered: days of April 2022 with sessions and specialties; none: closed on all days."""
    chosen = [Open(date(2022, 4, day), session, specialty) for day, session, specialty in sessions]
    holidays.register(holiday, institution, chosen, not chosen, remark, None, NOW)
