"""Hours, addresses and holidays that nobody registered, for the demo."""

from __future__ import annotations

import csv
from datetime import date, datetime, timedelta
from functools import cache
from importlib.resources import files
from typing import Final

import polars as pl
from django.db import transaction

from nhicard.insurer.hours.models import Holiday, Premises, RegularHours
from nhicard.insurer.hours.services import holidays, regular
from nhicard.insurer.hours.services.holidays import Draft, Open
from nhicard.insurer.hours.services.regular import Told
from nhicard.insurer.hours.specialties import usual
from nhicard.insurer.hours.week import Week
from nhicard.insurer.opendata.tables import county_name
from nhicard.insurer.registry.models import Contract, Institution, Validity

_SATURDAY: Final = 5
_AT_LEAST: Final = timedelta(days=2)
#: What institutions do in turn; letters as in the insurer's file.
_WEEKS: Final = ("NNNNNNYNNNNNYYNNNNNYY", "NNNNNYYNNNNNYYYYYYYYY", "NNNNNNNNNNNNNNNNNNNNN")
_FEES: Final = (150, 100, 200, 0)
_REMARKS: Final = ("", "國定假日看診時段另行公告", "晚上診請提早半小時掛號")
#: Further specialties of institutions whose code says none, in turn.
_FURTHER: Final = ((), ("02",), ("01", "04"))


@transaction.atomic
def seed(now: datetime) -> None:
    """Weekly hours of every institution under contract, a past holiday, and one that is being registered for.

    Some have registered for it, some are closed, some have done nothing yet. Seeding again changes nothing.
    """
    if Holiday.objects.exists():
        return
    contracted = Contract.objects.filter(Validity.on(now.date())).values("institution")
    places = list(Institution.objects.filter(pk__in=contracted, kind__in=holidays.KINDS).order_by("code"))
    past, coming = _before_and_after(now.date())
    earlier = datetime.combine(past.opens_on, now.time())
    _furnish(places)
    for turn, place in enumerate(places):
        _open(place, turn, earlier)
    for draft, moment in ((past, earlier), (coming, now)):
        holiday = holidays.announce(draft, None, moment)
        hours = regular.in_force(Institution.objects.all(), moment.date())
        for turn, place in enumerate(places):
            if draft is past or turn % 3:
                _register(holiday, place, turn, hours[place.pk], moment)


def _furnish(places: list[Institution]) -> None:
    """Addresses in a district and a road that do not exist."""
    told = pl.DataFrame({"county": [each.county for each in places], "code": [each.code for each in places]})
    counties = told.select(county_name()).to_series().to_list() if places else []
    Premises.objects.bulk_create(
        (
            Premises(institution=place, address=f"{county}測試區測試路{turn + 1}號", telephone="02-0000-0000")
            for turn, (place, county) in enumerate(zip(places, counties, strict=True))
        ),
        ignore_conflicts=True,
    )


def _open(place: Institution, turn: int, moment: datetime) -> None:
    said = usual(place.code)
    further = _FURTHER[turn % len(_FURTHER)] if said == "00" and place.kind != "pharmacy" else ()
    clerk = place.users.filter(role="clerk").first()
    for number, specialty in enumerate(further or (said,)):
        week = Week.of_letters(_WEEKS[(turn + number) % len(_WEEKS)])
        remark = _REMARKS[turn % len(_REMARKS)]
        told = Told(specialty, moment.date(), week, _FEES[turn % len(_FEES)], remark)
        regular.register(place, told, clerk, moment)


def _register(
    holiday: Holiday, place: Institution, turn: int, hours: tuple[RegularHours, ...], moment: datetime
) -> None:
    """Open on the first and last day as on such weekdays; every fifth is closed."""
    sessions = [
        Open(day, session, row.specialty)
        for row in hours
        for day in (holiday.first_day, holiday.last_day)
        for session in row.week.on(day)
    ]
    is_closed = turn % 5 == 1 or not sessions
    remark = "" if is_closed else "假期看診請先來電"
    clerk = place.users.filter(role="clerk").first()
    holidays.register(holiday, place, [] if is_closed else sessions, is_closed, remark, clerk, moment)


def _before_and_after(today: date) -> tuple[Draft, Draft]:
    """The last holiday that is over, and the next one, which is being registered for today."""
    drafts = sorted(
        (_draft(year, **row) for year in range(today.year - 1, today.year + 2) for row in _table()),
        key=lambda each: each.first_day,
    )
    coming = next(each for each in drafts if each.first_day > today + _AT_LEAST)
    past = [each for each in drafts if each.last_day < today][-1]
    opens, closes = min(coming.opens_on, today - timedelta(days=3)), max(coming.closes_on, today)
    return past, Draft(coming.name_zh, coming.name_en, coming.first_day, coming.last_day, opens, closes)


def _draft(year: int, month: str, day: str, name_zh: str, name_en: str) -> Draft:
    """From the Saturday before the feast, or on it, three days at least."""
    feast = date(year, int(month), int(day))
    first = feast - timedelta(days=(feast.weekday() - _SATURDAY) % 7)
    last = max(feast, first + _AT_LEAST)
    return Draft(name_zh, name_en, first, last, first - timedelta(days=30), first - timedelta(days=2))


@cache
def _table() -> list[dict[str, str]]:
    text = (files("nhicard.insurer.hours") / "data" / "made_up_holidays.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))
