"""The follow-up in a real browser: explained, accepted, looked up; in both languages, on a telephone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from types import SimpleNamespace
from typing import Any

import pytest
from playwright.sync_api import expect
from tests.chromium import assert_no_barrier, needs_chromium
from tests.insurer.portal import people, portal_browser
from tests.insurer.portal.portal_browser import Portal, assert_fits_a_telephone, picture

from nhicard.insurer import clock
from nhicard.insurer.followup import made_up

pytestmark = [
    pytest.mark.django_db,
    needs_chromium,
]
NOW = datetime(2026, 3, 10, 9, 30)
PAGE = "/portal/followup/"


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(clock, "now", lambda: NOW)
    clerks = [
        people.user("clerk", institution=people.institution(f"350120000{place}", short_name=name), name="測試承辦甲")
        for place, name in enumerate(("臺北虛擬診所", "測試牙醫診所"))
    ]
    officer = people.user("officer", division=1, name="測試承辦乙")
    made_up.seed(NOW)
    return SimpleNamespace(clerks=clerks, officer=officer)


@pytest.fixture
def portal(world: Any) -> Iterator[Portal]:
    with portal_browser.portal() as found:
        yield found


def test_an_overdue_case_is_explained_and_accepted_without_script(portal: Portal, world: Any) -> None:
    with portal.page_of(world.clerks[0], script=False) as page:
        page.goto(portal.address + PAGE)
        page.get_by_role("row").filter(has_text="逾期").get_by_role("link").first.click()
        page.get_by_role("button", name="送出說明").click()
        expect(page.get_by_role("alert")).to_contain_text("請填寫說明")
        page.get_by_label("說明").fill("檢體重採，結果已於昨日上傳。")
        page.get_by_role("button", name="送出說明").click()
        expect(page.get_by_role("status")).to_contain_text("已送出說明")
        case = page.url
    with portal.page_of(world.officer) as page:
        page.goto(case)
        expect(page.get_by_role("region", name="處理紀錄").last).to_contain_text("檢體重採")
        page.get_by_role("button", name="同意結案").click()
        expect(page.get_by_role("status")).to_contain_text("已同意結案")


def test_the_division_finds_and_takes_the_cases_of_an_institution(portal: Portal, world: Any) -> None:
    with portal.page_of(world.officer) as page:
        page.goto(portal.address + PAGE)
        page.get_by_role("region", name="院所彙總").last.get_by_role("link", name="3501200001").click()
        rows = page.get_by_role("region", name="案件").last.get_by_role("row")
        expect(rows.filter(has_text="3501200000")).to_have_count(0)
        expect(rows.filter(has_text="3501200001")).not_to_have_count(0)
        with page.expect_download() as download:
            page.get_by_role("link", name="下載 CSV").click()
        assert download.value.suggested_filename == "followup-20260310.csv"


@pytest.mark.parametrize("language", ["zh-TW", "en"])
def test_no_page_has_a_serious_barrier(portal: Portal, world: Any, language: str) -> None:
    suffix = "-en" if language == "en" else ""
    for name, user in (("institution", world.clerks[0]), ("list", world.officer)):
        with portal.page_of(user, language=language) as page:
            page.goto(portal.address + PAGE)
            assert_no_barrier(page)
            assert_fits_a_telephone(page)
            picture(page, f"followup-{name}{suffix}")
            page.get_by_role("region").last.get_by_role("link").first.click()
            assert_no_barrier(page)
            assert_fits_a_telephone(page)
            picture(page, f"followup-case-{name}{suffix}")
