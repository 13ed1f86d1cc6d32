"""The pages of physicians abroad in headless Chromium; ``NHICARD_PICTURES=docs/images`` takes the pictures anew."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

import pytest
from playwright.sync_api import expect
from tests.chromium import assert_no_barrier, needs_chromium
from tests.insurer.monitoring import worlds
from tests.insurer.portal import people, portal_browser
from tests.insurer.portal.portal_browser import Portal, assert_fits_a_telephone, picture
from tests.insurer.virtualcards.virtual_weeks import visit

from nhicard.insurer import clock
from nhicard.insurer.absences.models import Case
from nhicard.insurer.absences.services import finding, lists
from nhicard.insurer.registry.models import Institution

pytestmark = [
    pytest.mark.django_db,
    needs_chromium,
]
NOW = datetime(2026, 3, 20, 9)
JOURNEYS = ("A123456789,1150302,1150310", "A223456781,1150316,")
LANGUAGES = (("zh-TW", ""), ("en", "-en"))


@pytest.fixture(scope="module")
def portal(django_db_setup: None, django_db_blocker: Any) -> Iterator[Portal]:
    with worlds.lasting(django_db_blocker), portal_browser.portal() as found:
        yield found


@pytest.fixture
def clinic(portal: Portal, monkeypatch: pytest.MonkeyPatch) -> Institution:
    monkeypatch.setattr(clock, "now", lambda: NOW)
    made = people.institution("3501200000", name="測試診所甲", short_name="測試診所甲")
    for day in (2, 4, 4, 5):
        visit(made, date(2026, 3, day), staff_id="A123456789", patient_id="B123456780")
    visit(made, date(2026, 3, 17), staff_id="A223456781", patient_id="B123456780")
    lists.load("\n".join(("physician,exit,entry", *JOURNEYS)).encode(), "list.csv", NOW.date(), NOW)
    finding.find(NOW.date(), NOW)
    return made


def test_the_clinic_reports_and_explains_and_the_division_answers(portal: Portal, clinic: Institution) -> None:
    clerk = people.user("clerk", institution=clinic, username="clinic-clerk")
    with portal.page_of(clerk) as page:
        page.goto(f"{portal.address}/portal/absences/reports")
        page.get_by_label("出國醫師").fill("A123456789")
        page.get_by_label("代理醫師").fill("A123456789")
        page.get_by_label("出境日期").fill("115/04/01")
        page.get_by_role("button", name="登錄", exact=True).click()
        expect(page.get_by_text("代理醫師不能是出國醫師本人")).to_be_visible()
        assert_no_barrier(page)
        page.get_by_label("代理醫師").fill("A223456781")
        page.get_by_role("button", name="登錄", exact=True).click()
        expect(page.locator(".banner.success")).to_contain_text("已登錄")
        assert_no_barrier(page)
        assert_fits_a_telephone(page)
        picture(page, "absences-reports")
        page.goto(f"{portal.address}/portal/absences/")
        page.get_by_role("link", name="案件").last.click()
        page.get_by_label("說明").fill("當日上午看診後才出境，其餘由代理醫師看診，將更正上傳。")
        page.get_by_role("button", name="送出說明").click()
        expect(page.locator(".banner.success")).to_contain_text("已送出說明")
    with portal.page_of(people.user("officer", division=1, username="officer-1")) as page:
        page.goto(f"{portal.address}/portal/absences/?state=explained")
        page.get_by_role("link", name="案件").last.click()
        page.get_by_role("button", name="同意結案").click()
        expect(page.locator("h1 + .state")).to_contain_text("同意結案")
    assert Case.objects.filter(state="accepted").count() == 1


@pytest.mark.parametrize(("language", "suffix"), LANGUAGES)
def test_pages_in_both_languages(portal: Portal, clinic: Institution, language: str, suffix: str) -> None:
    case = Case.objects.get(physician="A123456789")
    users = {
        "institution": people.user("clerk", institution=clinic, username=f"clerk{suffix}"),
        "division": people.user("supervisor", division=1, username=f"supervisor{suffix}"),
    }
    for name, user in users.items():
        with portal.page_of(user, language=language) as page:
            for part, address in (("list", ""), ("case", case.pk)):
                page.goto(f"{portal.address}/portal/absences/{address}")
                expect(page.get_by_text("A******789").first).to_be_visible()
                assert_no_barrier(page)
                assert_fits_a_telephone(page)
                picture(page, f"absences-{name}-{part}{suffix}")
