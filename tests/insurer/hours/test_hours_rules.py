"""Regular hours, long holidays, who is open, who is reminded: the rules and the days around their limits."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from tests.insurer.hours import offices
from tests.insurer.hours.offices import AFTERNOON, EVENING, MORNING, NOW, QINGMING
from tests.insurer.portal import people
from typer.testing import CliRunner

from nhicard.cli import hours as command
from nhicard.insurer.audit.models import Entry
from nhicard.insurer.hours.models import Holiday, HolidayRegistration, RegularHours
from nhicard.insurer.hours.services import holidays, made_up, regular, reminding
from nhicard.insurer.hours.services.holidays import Draft, Open, Standing
from nhicard.insurer.hours.services.opening import openings
from nhicard.insurer.hours.services.regular import NotRegistered, Told
from nhicard.insurer.hours.week import Session, Week
from nhicard.insurer.operations import database
from nhicard.insurer.registry.models import Institution, Suspension
from nhicard.insurer.reminders.models import Reminder

pytestmark = pytest.mark.django_db
EVERYBODY = Institution.objects.all()


def weeks_on(place: Institution, day: date) -> dict[str, str]:
    """Letters by specialty that are in force on the day."""
    return {row.specialty: row.cells for row in regular.in_force(EVERYBODY, day).get(place.pk, ())}


def open_on(place: Institution, day: date) -> dict[Session, tuple[str, ...]] | None:
    """Who is open by session; None where nothing is known."""
    found = openings(EVERYBODY, day).get(place.pk)
    return dict(found.sessions) if found else None


# regular hours


def test_hours_hold_from_their_day_until_others_of_the_specialty_do() -> None:
    place, march, may = offices.place(), date(2022, 3, 1), date(2022, 5, 1)
    offices.hours(place, "01", offices.WEEKDAYS, march)
    offices.hours(place, "04", offices.EVERY_DAY, march)
    offices.hours(place, "01", Week(), may)
    day = timedelta(days=1)
    both = {"01": offices.WEEKDAYS.letters, "04": offices.EVERY_DAY.letters}
    assert weeks_on(place, march - day) == {}
    assert weeks_on(place, march) == weeks_on(place, may - day) == both
    assert weeks_on(place, may) == both | {"01": "Y" * 21}
    assert len(regular.history(place)) == 3


def test_what_is_planned_does_not_hold_yet_and_outlives_an_earlier_change() -> None:
    place = offices.place()
    clerk = people.user("clerk", institution=place)
    for day, week in ((date(2022, 6, 1), offices.EVERY_DAY), (date(2022, 5, 1), offices.WEEKDAYS)):
        regular.register(place, Told("01", day, week), clerk, NOW)
    assert [row.valid_from for row in regular.planned(place, NOW.date())] == [date(2022, 5, 1), date(2022, 6, 1)]
    assert weeks_on(place, NOW.date()) == {}
    assert weeks_on(place, date(2022, 5, 31)) == {"01": offices.WEEKDAYS.letters}
    assert weeks_on(place, date(2022, 6, 1)) == {"01": offices.EVERY_DAY.letters}


@pytest.mark.parametrize(
    ("changed", "refused"),
    [
        ({}, None),
        ({"specialty": "99"}, "hours.error.specialty"),
        ({"valid_from": date(2022, 3, 14)}, "hours.error.valid_from"),
        ({"valid_from": date(2023, 3, 16)}, None),
        ({"valid_from": date(2023, 3, 17)}, "hours.error.valid_from"),
        ({"fee": 0}, None),
        ({"fee": 9999}, None),
        ({"fee": 10000}, "hours.error.fee"),
        ({"fee": -1}, "hours.error.fee"),
    ],
)
def test_what_can_be_registered(changed: dict[str, Any], refused: str | None) -> None:
    place = offices.place()
    clerk = people.user("clerk", institution=place)
    told = replace(Told("01", NOW.date(), offices.WEEKDAYS, 150), **changed)
    if refused:
        with pytest.raises(NotRegistered, match=refused):
            regular.register(place, told, clerk, NOW)
        assert not RegularHours.objects.exists()
        assert not Entry.objects.filter(institution=place.code).exists()
        return
    regular.register(place, told, clerk, NOW)
    entry = Entry.objects.get(institution=place.code)
    assert (entry.action, entry.actor, entry.facts["fee"]) == ("hours.registered", clerk.username, told.fee)


@pytest.mark.parametrize("table", ["hours_regularhours", "hours_holidayregistration", "hours_holidaysession"])
@pytest.mark.parametrize("statement", ["DELETE FROM {}", "UPDATE {} SET id = 1000 + id"])
def test_the_database_refuses_to_change_what_was_registered(table: str, statement: str) -> None:
    place, holiday = offices.place(), offices.holiday()
    offices.hours(place, "01", offices.WEEKDAYS, date(2022, 3, 1))
    offices.opened(holiday, place, (2, MORNING, "01"))
    with pytest.raises(DatabaseError, match="only added to"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement.format(table))
    with pytest.raises(TypeError):
        RegularHours.objects.get().save()


# announcing holidays


@pytest.mark.parametrize(
    ("changed", "refused"),
    [
        ({}, None),
        ({"last_day": date(2022, 4, 2)}, None),
        ({"last_day": date(2022, 4, 1), "closes_on": date(2022, 4, 1)}, "hours.error.days"),
        ({"last_day": date(2022, 5, 2)}, None),
        ({"last_day": date(2022, 5, 3)}, "hours.error.days"),
        ({"closes_on": date(2022, 4, 5)}, None),
        ({"closes_on": date(2022, 4, 6)}, "hours.error.window"),
        ({"opens_on": date(2022, 3, 31)}, None),
        ({"opens_on": date(2022, 4, 1)}, "hours.error.window"),
    ],
)
def test_which_days_a_holiday_can_have(changed: dict[str, Any], refused: str | None) -> None:
    draft, user = replace(QINGMING, **changed), people.user("headquarters")
    if refused:
        with pytest.raises(NotRegistered, match=refused):
            holidays.announce(draft, user, NOW)
        assert not Holiday.objects.exists()
        return
    made = holidays.announce(draft, user, NOW)
    assert Entry.objects.get(subject=f"holiday {made.pk}").action == "hours.holiday.announced"


@pytest.mark.parametrize(
    ("first", "last", "overlaps"),
    [
        (date(2022, 3, 30), date(2022, 4, 1), False),
        (date(2022, 3, 30), date(2022, 4, 2), True),
        (date(2022, 4, 3), date(2022, 4, 3), True),
        (date(2022, 4, 1), date(2022, 4, 9), True),
        (date(2022, 4, 5), date(2022, 4, 9), True),
        (date(2022, 4, 6), date(2022, 4, 9), False),
    ],
)
def test_a_day_belongs_to_one_holiday(first: date, last: date, overlaps: bool) -> None:
    user = people.user("headquarters")
    before = holidays.announce(QINGMING, user, NOW)
    other = Draft("其他", "Other", first, last, date(2022, 3, 1), first)
    if not overlaps:
        holidays.announce(other, user, NOW)
        return
    with pytest.raises(NotRegistered, match="overlap"):
        holidays.announce(other, user, NOW)
    holidays.withdraw(before, user, NOW)
    holidays.announce(other, user, NOW)


def test_the_database_refuses_a_holiday_that_ends_before_it_begins() -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Holiday.objects.create(
            first_day=date(2022, 4, 2),
            last_day=date(2022, 4, 1),
            opens_on=date(2022, 3, 1),
            closes_on=date(2022, 3, 2),
            announced_at=NOW,
        )


# registering for a holiday

SATURDAY = Open(date(2022, 4, 2), MORNING, "01")


@pytest.mark.parametrize(
    ("day", "is_taken"),
    [
        (date(2022, 2, 28), False),
        (date(2022, 3, 1), True),
        (date(2022, 3, 31), True),
        (date(2022, 4, 1), False),
    ],
)
def test_the_window_with_its_first_and_its_last_day(day: date, is_taken: bool) -> None:
    place, holiday = offices.place(), offices.holiday()
    for moment in (datetime.combine(day, datetime.min.time()), datetime.combine(day, datetime.max.time())):
        if is_taken:
            holidays.register(holiday, place, [SATURDAY], False, "", None, moment)
            continue
        with pytest.raises(NotRegistered, match="not_now"):
            holidays.register(holiday, place, [SATURDAY], False, "", None, moment)
    assert HolidayRegistration.objects.exists() is is_taken


@pytest.mark.parametrize(
    ("sessions", "is_closed", "refused"),
    [
        ([SATURDAY], False, None),
        ([SATURDAY, SATURDAY], False, None),
        ([], True, None),
        ([], False, "neither"),
        ([SATURDAY], True, "both"),
        ([replace(SATURDAY, day=date(2022, 4, 5))], False, None),
        ([replace(SATURDAY, day=date(2022, 4, 6))], False, "cell"),
        ([replace(SATURDAY, day=date(2022, 4, 1))], False, "cell"),
        ([SATURDAY, replace(SATURDAY, specialty="99")], False, "cell"),
    ],
)
def test_what_can_be_registered_for_a_holiday(sessions: list[Open], is_closed: bool, refused: str | None) -> None:
    place, holiday = offices.place(), offices.holiday()
    clerk = people.user("clerk", institution=place)
    if refused:
        with pytest.raises(NotRegistered, match=refused):
            holidays.register(holiday, place, sessions, is_closed, "", clerk, NOW)
        assert not HolidayRegistration.objects.exists()
        return
    made = holidays.register(holiday, place, sessions, is_closed, "備註", clerk, NOW)
    assert holidays.sessions(made) == set(sessions)
    assert Entry.objects.get(institution=place.code).facts["closed"] is is_closed


def test_the_last_registration_counts_and_a_withdrawn_holiday_takes_none() -> None:
    place, holiday = offices.place(), offices.holiday()
    assert holidays.standing(holidays.registered(holiday, EVERYBODY).get(place.pk)) is Standing.MISSING
    offices.opened(holiday, place, (2, MORNING, "01"))
    offices.opened(holiday, place)
    assert holidays.standing(holidays.registered(holiday, EVERYBODY)[place.pk]) is Standing.CLOSED
    offices.opened(holiday, place, (3, EVENING, "01"))
    assert holidays.standing(holidays.registered(holiday, EVERYBODY)[place.pk]) is Standing.OPEN
    holidays.withdraw(holiday, people.user("headquarters"), NOW)
    holiday.refresh_from_db()
    with pytest.raises(NotRegistered, match="not_now"):
        offices.opened(holiday, place, (2, MORNING, "01"))


@pytest.mark.parametrize(
    ("since", "until", "suspended", "kind", "has_to"),
    [
        (date(2022, 4, 2), None, None, "clinic", True),
        (date(2022, 4, 3), None, None, "clinic", False),
        (date(2020, 1, 1), date(2022, 4, 2), None, "hospital", True),
        (date(2020, 1, 1), date(2022, 4, 1), None, "hospital", False),
        (date(2020, 1, 1), None, (date(2022, 3, 1), date(2022, 4, 2)), "pharmacy", False),
        (date(2020, 1, 1), None, (date(2022, 3, 1), date(2022, 4, 1)), "pharmacy", True),
        (date(2020, 1, 1), None, None, "other", False),
    ],
)
def test_who_has_to_register(
    since: date, until: date | None, suspended: tuple[date, date] | None, kind: str, has_to: bool
) -> None:
    place = offices.place(since=since, kind=kind)
    place.contracts.update(valid_until=until)
    if suspended:
        Suspension.objects.create(institution=place, valid_from=suspended[0], valid_until=suspended[1])
    assert holidays.required(offices.holiday(), EVERYBODY).filter(pk=place.pk).exists() is has_to


# who is open


@pytest.mark.parametrize(
    ("day", "known"),
    [
        (date(2022, 4, 1), {MORNING: ("01", "04"), AFTERNOON: ("01",)}),  # Friday, the last day before
        (date(2022, 4, 2), {EVENING: ("01", "02")}),  # registered, unlike any regular Saturday
        (date(2022, 4, 4), {}),  # Monday: regularly open, nothing registered
        (date(2022, 4, 5), {MORNING: ("01",)}),
        (date(2022, 4, 6), {MORNING: ("01", "04"), AFTERNOON: ("01",)}),  # Wednesday, the first day after
        (date(2022, 4, 10), {MORNING: ("04",)}),  # an ordinary Sunday
    ],
)
def test_on_a_holiday_only_what_was_registered_for_it_counts(day: date, known: dict[Session, tuple[str, ...]]) -> None:
    place, holiday = offices.place(), offices.holiday()
    offices.hours(place, "01", offices.WEEKDAYS, date(2022, 3, 1))
    offices.hours(place, "04", offices.EVERY_DAY, date(2022, 3, 1))
    offices.opened(holiday, place, (2, EVENING, "01"), (2, EVENING, "02"), (5, MORNING, "01"))
    assert open_on(place, day) == known


def test_without_a_registration_nothing_is_known_of_a_holiday() -> None:
    place, holiday = offices.place(), offices.holiday()
    offices.hours(place, "01", offices.EVERY_DAY, date(2022, 3, 1), fee=150, remark="平常")
    assert open_on(place, date(2022, 4, 2)) is None
    offices.opened(holiday, place)
    assert open_on(place, date(2022, 4, 2)) == {}
    offices.opened(holiday, place, (2, MORNING, "01"), remark="只到十一點")
    found = openings(EVERYBODY, date(2022, 4, 2))[place.pk]
    assert (dict(found.fees), found.remark) == ({"01": 150}, "只到十一點")
    holidays.withdraw(holiday, people.user("headquarters"), NOW)
    assert open_on(place, date(2022, 4, 2)) == {MORNING: ("01",)}, "an ordinary Saturday again"


# reminders


@pytest.mark.parametrize(
    ("day", "stage"),
    [
        (date(2022, 2, 28), None),
        (date(2022, 3, 1), "open"),
        (date(2022, 3, 23), "open"),
        (date(2022, 3, 24), "week"),
        (date(2022, 3, 29), "week"),
        (date(2022, 3, 30), "last"),
        (date(2022, 3, 31), "last"),
        (date(2022, 4, 1), None),
    ],
)
def test_the_stages_of_reminding(day: date, stage: str | None) -> None:
    assert reminding.stage(offices.holiday(), day) == stage


def test_who_has_not_registered_is_reminded_once_a_stage() -> None:
    holiday, missing, done = offices.holiday(), offices.place(), offices.place("3501200011")
    offices.place("5901200001", kind="other")
    offices.opened(holiday, done, (2, MORNING, "01"))
    days = [datetime(2022, 3, day, 6) for day in (1, 2, 24, 25, 30, 31)]
    assert [reminding.remind_due(now)[holiday.pk] for now in days] == [1, 0, 1, 0, 1, 0]
    assert reminding.remind_due(datetime(2022, 4, 1, 6)) == {}
    told = Reminder.objects.order_by("pk")
    assert {each.institution.code for each in told} == {missing.code}
    assert [each.title_zh for each in told] == [
        "清明連假 看診時段開始登錄",
        "清明連假 看診時段尚未登錄",
        "清明連假 看診時段登錄即將截止",
    ]
    assert all("2022-03-31" in each.body_en and f"holiday={holiday.pk}" in each.link for each in told)


def test_the_job_reminds_as_of_a_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "why_unusable", lambda: "")
    offices.place()
    number = offices.holiday().pk
    run = CliRunner().invoke(command.app, ["remind", "--as-of", "2022-03-31"])
    assert (run.exit_code, run.output) == (0, f"假期 holiday {number}: 1 家 reminded\n")


# the demo's data


@pytest.mark.parametrize("now", [datetime(2023, 10, 23, 12), datetime(2026, 12, 28, 9), datetime(2022, 2, 25, 9)])
def test_the_demo_has_everything_whatever_the_day(now: datetime) -> None:
    codes = [f"35012{number:05d}" for number in range(8)] + ["3701200009", "5901200001", "1101200002"]
    for code in codes:
        people.user("clerk", institution=offices.place(code, kind="pharmacy" if code[0] == "5" else "clinic"))
    made_up.seed(now)
    before = RegularHours.objects.count(), HolidayRegistration.objects.count()
    made_up.seed(now)
    assert before == (RegularHours.objects.count(), HolidayRegistration.objects.count())
    assert set(regular.in_force(EVERYBODY, now.date())) == set(EVERYBODY.values_list("pk", flat=True))
    coming = [each for each in holidays.current() if holidays.is_taken(each, now.date())]
    assert len(coming) == 1
    found = holidays.registered(coming[0], EVERYBODY)
    assert {holidays.standing(found.get(each.pk)) for each in EVERYBODY.all()} == set(Standing)
    assert any(openings(EVERYBODY, coming[0].first_day)[key].is_open for key in found)
