"""Hours as a clerk registers them and everybody finds them, in a real browser, and what the division sees.

The pictures of docs/guide/hours.md are taken anew by

NHICARD_PICTURES=docs/images python -m pytest -n0 tests/insurer/hours/test_hours_browser.py
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any

import pytest
from django.utils import translation
from playwright.sync_api import Page, expect
from tests.chromium import assert_no_barrier, needs_chromium
from tests.insurer.hours import offices
from tests.insurer.hours.offices import MORNING, NOW
from tests.insurer.monitoring import worlds
from tests.insurer.portal import people, portal_browser
from tests.insurer.portal.portal_browser import Portal, assert_fits_a_telephone, picture, watched

from nhicard.insurer import clock
from nhicard.insurer.accounts.models import User
from nhicard.insurer.hours.models import Holiday, HolidayRegistration, Premises, RegularHours
from nhicard.insurer.hours.services import holidays
from nhicard.insurer.portal.texts import text
from nhicard.insurer.registry.models import Institution

pytestmark = [
    pytest.mark.django_db,
    needs_chromium,
]
BROWSERS = pytest.mark.parametrize(
    ("language", "script"), [("zh-TW", True), ("en", True), ("zh-TW", False)], ids=["zh", "en", "no script"]
)


@pytest.fixture(scope="module")
def portal(django_db_setup: None, django_db_blocker: Any) -> Iterator[Portal]:
    with worlds.lasting(django_db_blocker, NOW), portal_browser.portal() as found:
        yield found


@pytest.fixture(autouse=True)
def now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOW)


@dataclass(frozen=True)
class Reader:
    """A browser of this language, with a script or without."""

    portal: Portal
    language: str
    script: bool

    def said(self, name: str, **values: Any) -> str:
        with translation.override("en" if self.language == "en" else "zh-hant"):
            return text(name, **values)

    @contextmanager
    def at(self, user: User, path: str = "") -> Iterator[Page]:
        with self.portal.page_of(user, language=self.language, script=self.script) as page:
            page.goto(f"{self.portal.address}/portal/hours/{path}")
            yield page

    def press(self, page: Page, name: str) -> None:
        page.get_by_role("button", name=self.said(name), exact=True).click()

    def look(self, page: Page, name: str) -> None:
        if self.script:
            assert_no_barrier(page)
            assert_fits_a_telephone(page)
            picture(page, f"hours-{name}-en" if self.language == "en" else f"hours-{name}")


@pytest.fixture
def reader(portal: Portal, language: str, script: bool) -> Reader:
    return Reader(portal, language, script)


def clinic(code: str = "3501990011", name: str = "測試診所甲", road: str = "1") -> Institution:
    made = offices.place(code, name=name, short_name=name, county="01")
    address = f"臺北市測試區測試路{road}號"
    Premises.objects.create(institution=made, address=address, telephone="02-0000-0000")
    return made


def box(page: Page, value: str) -> Any:
    return page.locator(f'input[name="cells"][value="{value}"]')


@BROWSERS
def test_a_clerk_registers_the_week_and_the_holiday(reader: Reader) -> None:
    place, holiday = clinic(), offices.holiday()
    clerk = people.user("clerk", institution=place)
    with reader.at(clerk, "regular?specialty=01") as page:
        for number in (6, 13):
            box(page, str(number)).check()
        reader.press(page, "hours.save")
        expect(page.get_by_text(reader.said("hours.registered"))).to_be_visible()
        page.goto(f"{reader.portal.address}/portal/hours/regular?specialty=02")
        for number in (1, 2, 3, 4, 5, 8, 9, 11, 12, 15):
            box(page, str(number)).check()
        page.get_by_label(reader.said("hours.field.fee")).fill("150")
        reader.look(page, "regular")
        page.get_by_label(reader.said("hours.field.fee")).fill("99999")
        reader.press(page, "hours.save")
        expect(page.get_by_role("alert")).to_contain_text(reader.said("hours.error.fee"))
        expect(box(page, "15")).to_be_checked()
        page.get_by_label(reader.said("hours.field.fee")).fill("150")
        reader.press(page, "hours.save")
        assert {row.specialty: row.cells for row in RegularHours.objects.all()} == {
            "01": "YYYYYNYYYYYYNYYYYYYYY",
            "02": "NNNNNYYNNYNNYYNYYYYYY",
        }
        page.get_by_role("link", name=reader.said("hours.holiday.register")).first.click()
        page.locator("#add").select_option("04")
        reader.press(page, "hours.holiday.add.button")
        reader.press(page, "hours.holiday.regular")
        expect(box(page, "2022-04-04.morning.02")).to_be_visible()
        arrow = page.locator("details", has=box(page, "2022-04-03.morning.04"))
        expect(box(page, "2022-04-03.morning.04")).not_to_be_visible()
        arrow.locator("summary").click()
        box(page, "2022-04-03.morning.04").check()
        page.get_by_label(reader.said("hours.holiday.remark")).fill("兒科限預約")
        reader.look(page, "holiday")
        reader.press(page, "hours.holiday.register")
        expect(page.get_by_text(reader.said("hours.holiday.registered"))).to_be_visible()
        told = holidays.sessions(HolidayRegistration.objects.get())
        assert {(each.day.day, each.session.value, each.specialty) for each in told} == {
            (2, "morning", "01"),
            (2, "afternoon", "01"),
            (3, "morning", "04"),
            (4, "morning", "02"),
            (4, "afternoon", "02"),
            (4, "evening", "02"),
            (5, "morning", "02"),
            (5, "afternoon", "02"),
        }
        page.goto(f"{reader.portal.address}/portal/hours/")
        expect(page.get_by_text(reader.said("hours.standing.open"))).to_be_visible()
        page.locator("summary", has_text=reader.said("hours.history")).click()
        reader.look(page, "mine")
    assert holiday.registrations.count() == 1


@BROWSERS
def test_headquarters_announces_and_the_division_sees_who_is_missing(reader: Reader) -> None:
    missing, done = clinic(), clinic("3501990020", "測試診所乙", "2")
    with reader.at(people.user("headquarters"), "announce") as page:
        reader.press(page, "hours.announce")
        expect(page.get_by_role("alert")).to_contain_text(reader.said("hours.error.required"))
        filled = {
            "name_zh": "清明連假",
            "name_en": "Tomb-Sweeping holiday",
            "first_day": "111/04/02",
            "last_day": "111/04/05",
            "opens_on": "111/03/01",
            "closes_on": "111/03/31",
        }
        for name, value in filled.items():
            page.get_by_label(reader.said(f"hours.field.{name}"), exact=True).fill(value)
        reader.look(page, "announce")
        reader.press(page, "hours.announce")
        expect(page.get_by_text(reader.said("hours.announced"))).to_be_visible()
        reader.look(page, "overview")
        expect(page.get_by_role("button", name=reader.said("hours.withdraw.confirm"))).not_to_be_visible()
    offices.opened(Holiday.objects.get(), done, (2, MORNING, "02"))
    with reader.at(people.user("officer", division=1), "standing") as page:
        expect(page.get_by_role("main")).to_contain_text(missing.code)
        expect(page.get_by_role("main")).not_to_contain_text(done.code)
        reader.look(page, "standing")
        page.get_by_role("link", name=reader.said("hours.standing.open")).click()
        page.get_by_role("link", name=done.code).click()
        expect(page.get_by_role("heading", level=1)).to_contain_text(done.name)
        reader.look(page, "institution")


@BROWSERS
def test_everybody_finds_who_is_open_on_the_holiday(reader: Reader) -> None:
    holiday, open_, _ = offices.holiday(), clinic(), clinic("3501990020", "測試診所乙", "2")
    other = clinic("3701990016", "測試牙醫診所", "3")
    offices.hours(open_, "02", offices.WEEKDAYS, date(2022, 3, 1), fee=150)
    offices.opened(holiday, open_, (2, MORNING, "02"), (2, MORNING, "04"), remark="兒科限預約")
    offices.opened(holiday, other, (2, MORNING, "40"))
    with watched(reader.portal.browser, language=reader.language, script=reader.script) as page:
        page.goto(f"{reader.portal.address}/hours/")
        expect(page.get_by_role("status")).to_have_text(reader.said("hours.public.ask"))
        page.get_by_label(reader.said("hours.public.day"), exact=True).fill("2022-04-02")
        page.get_by_label(reader.said("hours.public.county"), exact=True).select_option("臺北市")
        reader.press(page, "hours.public.find")
        expect(page.locator("tbody tr")).to_have_count(2)
        reader.look(page, "public")
        page.get_by_label(reader.said("hours.public.specialty"), exact=True).select_option("04")
        reader.press(page, "hours.public.find")
        expect(page.locator("tbody tr")).to_have_count(1)
        expect(page.get_by_role("main")).to_contain_text(reader.said("hours.public.unknown", count=1))
        page.get_by_label(reader.said("hours.public.session"), exact=True).select_option("evening")
        reader.press(page, "hours.public.find")
        expect(page.get_by_text(reader.said("hours.public.nothing"))).to_be_visible()
