"""The violation analysis in headless Chromium; ``NHICARD_PICTURES=docs/images`` takes the pictures anew."""

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
from nhicard.insurer.detectors.models import FactKind, Finding
from nhicard.insurer.detectors.services import acting, facts, running
from nhicard.insurer.registry.models import Institution

pytestmark = [
    pytest.mark.django_db,
    needs_chromium,
]
NOW = datetime(2026, 4, 2, 9)
LANGUAGES = (("zh-TW", ""), ("en", "-en"))
SEEN = {"staff_id": "B123456780", "visit_time": "1150303093000", "upload_kind": "A"}


@pytest.fixture(scope="module")
def portal(django_db_setup: None, django_db_blocker: Any) -> Iterator[Portal]:
    with worlds.lasting(django_db_blocker), portal_browser.portal() as found:
        yield found


@pytest.fixture
def clinic(portal: Portal, monkeypatch: pytest.MonkeyPatch) -> Institution:
    monkeypatch.setattr(clock, "now", lambda: NOW)
    made = people.institution("3501200000", name="測試診所甲", short_name="測試診所甲")
    day = date(2026, 3, 3)
    visit(made, day, patient_id="A123456789", **SEEN)
    visit(made, day, patient_id="A223456781", **SEEN, received_at=NOW)
    facts.load(FactKind.DEATHS, b"person,died\nA123456789,1150301", "deaths.csv", NOW)
    running.run(day, NOW, {"impossible_volume": {"most": 1}, "late_upload": {"least": 1}})
    return made


def test_a_finding_is_asked_answered_upheld_and_published(portal: Portal, clinic: Institution) -> None:
    clerk = people.user("clerk", institution=clinic, username="clinic-clerk")
    supervisor = people.user("supervisor", division=1, username="supervisor-1")
    finding = Finding.objects.get(detector="after_death")
    address = f"{portal.address}/portal/detectors/{finding.pk}"
    with portal.page_of(supervisor) as page:
        page.goto(address)
        page.get_by_role("button", name="請院所說明").click()
        expect(page.locator(".banner.success")).to_contain_text("已請院所說明")
    with portal.page_of(clerk) as page:
        page.goto(f"{portal.address}/portal/detectors/")
        page.get_by_role("link", name="死亡日後仍有就醫或申報").click()
        assert_no_barrier(page)
        assert_fits_a_telephone(page)
        picture(page, "detectors-institution-finding")
        page.get_by_label("說明").fill("掛號時證號登打錯誤。")
        page.get_by_role("button", name="送出說明").click()
        expect(page.locator(".banner.success")).to_contain_text("已送出說明")
    with portal.page_of(supervisor) as page:
        page.goto(address)
        page.get_by_label("說明").fill("查證後與病歷不符。")
        page.get_by_role("button", name="認定違規").click()
        page.get_by_role("link", name="公告案例").click()
        assert_no_barrier(page)
        picture(page, "detectors-publish")
        page.get_by_label("內容").fill("測試診所甲的案例")
        page.get_by_role("button", name="公告", exact=True).click()
        expect(page.get_by_role("alert")).to_contain_text("文字中有院所名稱")
        page.get_by_label("內容").fill("某診所於病患死亡後仍上傳就醫資料。")
        page.get_by_role("button", name="公告", exact=True).click()
        expect(page.locator(".banner.success")).to_contain_text("案例已公告")


@pytest.mark.parametrize(("language", "suffix"), LANGUAGES)
def test_pages_in_both_languages(portal: Portal, clinic: Institution, language: str, suffix: str) -> None:
    finding = Finding.objects.get(detector="after_death")
    supervisor = people.user("supervisor", division=1, username=f"supervisor{suffix}")
    clerk = people.user("clerk", institution=clinic, username=f"clerk{suffix}")
    with portal.page_of(supervisor, language=language) as page:
        for part, address in (("list", ""), ("finding", finding.pk), ("rules", "rules")):
            page.goto(f"{portal.address}/portal/detectors/{address}")
            assert_no_barrier(page)
            assert_fits_a_telephone(page)
            picture(page, f"detectors-division-{part}{suffix}")
    acting.act(finding, "send", supervisor, "請核對該次就醫的病患身分。", NOW)
    with portal.page_of(clerk, language=language) as page:
        page.goto(f"{portal.address}/portal/detectors/")
        expect(page.locator("table.findings tbody tr")).to_have_count(1)
        assert_no_barrier(page)
        assert_fits_a_telephone(page)
        picture(page, f"detectors-institution-list{suffix}")
