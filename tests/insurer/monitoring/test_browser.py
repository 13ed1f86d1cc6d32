"""The report in a real browser: from a number to a finding, in both languages, for every reader, with the keyboard."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect
from tests.chromium import assert_no_barrier, needs_chromium
from tests.insurer.faults.uploads import patient
from tests.insurer.monitoring import weeks, worlds
from tests.insurer.monitoring.weeks import Week
from tests.insurer.portal import portal_browser
from tests.insurer.portal.portal_browser import Portal, assert_fits_a_telephone

from nhicard.insurer.audit.models import Entry
from nhicard.insurer.monitoring.services import qualification

pytestmark = [
    pytest.mark.django_db,
    needs_chromium,
]


@pytest.fixture(scope="module")
def portal(week: Week) -> Iterator[Portal]:
    with portal_browser.portal() as found:
        yield found


@pytest.fixture
def page(portal: Portal, week: Week) -> Iterator[Page]:
    """A clerk's page; errors of scripts and refused resources fail the test."""
    with portal.page_of(week.clerk) as opened:
        yield opened


def report_of(portal: Portal) -> str:
    return f"{portal.address}/portal/monitoring/"


def test_from_a_number_to_a_finding_and_back(page: Page, portal: Portal) -> None:
    # given the report, whose first condition is not met
    page.goto(report_of(portal))
    expect(page.get_by_role("region", name="條件一")).to_contain_text("還差 2 件")
    expect(page.get_by_role("region", name="條件二")).to_contain_text("有 1 件以 VPN 預檢")
    # when the number of the day is opened, and of its records those that are missing
    page.get_by_role("link", name="1121018：1.0上傳成功 (A)").click()
    page.get_by_role("link", name="2.0預檢未成功").click()
    expect(page.get_by_role("table").get_by_role("row")).to_have_count(3)
    page.get_by_role("row", name="未成功").get_by_role("link").first.click()
    # then the record tells in both editions what was found, and how it would be right
    expect(page.get_by_role("region", name="格式 1.0")).to_contain_text("沒有錯誤")
    found = page.get_by_role("region", name="格式 2.0").get_by_role("article")
    wrong = found.filter(has_text="many")
    expect(wrong).to_contain_text("M44")
    expect(wrong).to_contain_text("many")
    late = found.filter(has_text="09 說明與正確寫法")
    late.get_by_text("說明與正確寫法").click()
    expect(late.get_by_text("正確的寫法")).to_be_visible()
    page.get_by_role("link", name="回到報表").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("健保卡2.0預檢比對健保卡1.0統計報表")


def test_personal_data_appear_once_on_request(page: Page, portal: Portal, week: Week) -> None:
    number = week.number(weeks.FAULTY)
    page.goto(f"{report_of(portal)}{worlds.CLINIC}/records/{number}")
    who = patient(weeks.FAULTY.number)
    expect(page.get_by_role("main")).not_to_contain_text(who)
    page.get_by_role("button", name="顯示個人資料").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(who)
    assert Entry.objects.filter(action="record.seen", subject=f"visit {number}").exists()
    page.reload()
    expect(page.get_by_role("main")).not_to_contain_text(who)


def test_english_and_back(page: Page, portal: Portal) -> None:
    page.goto(report_of(portal))
    page.get_by_role("button", name="English").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("2.0 pre-check compared with 1.0")
    expect(page.get_by_role("region", name="Condition 1")).to_contain_text("2 still missing")
    page.get_by_role("button", name="中文").click()
    expect(page.get_by_role("region", name="條件一")).to_be_visible()


def test_the_report_refreshes_itself_and_keeps_the_focus(page: Page, portal: Portal, week: Week) -> None:
    # given the report with the keyboard on a number
    page.goto(report_of(portal))
    link = page.locator("#n-a-2023-10-16")
    link.focus()
    expect(page.locator("#report-total tbody td").nth(1)).to_have_text("72")
    # when a pre-check comes and the minute is over
    worlds.deliver("A2", [weeks.UNSENT.record20()])
    worlds.work()
    page.evaluate("htmx.trigger('#live', 'every')")
    # then the report tells it and the keyboard is where it was
    expect(page.locator("#report-total tbody td").nth(1)).to_have_text("73")
    expect(link).to_be_focused()


def test_the_chart_speaks(page: Page, portal: Portal) -> None:
    page.goto(report_of(portal))
    chart = page.get_by_role("img", name="每日 (B)/(A) 比率")
    expect(chart).to_be_visible()
    expect(chart.locator("desc")).to_contain_text("1121016：(A) 10 件，(B) 10 件，100%。")


def test_without_script(portal: Portal, week: Week) -> None:
    with portal.signed_in(week.clerk, java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(report_of(portal))
        page.get_by_role("button", name="立即判定改版資格").click()
        expect(page.get_by_role("status")).to_contain_text("還沒有符合兩項條件")
        with page.expect_download() as download:
            page.get_by_role("button", name="下載預檢結果及錯誤明細").click()
        assert download.value.suggested_filename == "nhicard-3501200000-1121023.zip"
        with page.expect_download() as download:
            page.get_by_role("link", name="下載CSV").click()
        assert download.value.suggested_filename == "nhicard-3501200000-1121023.csv"


@pytest.mark.parametrize("language", ["zh-TW", "en"])
def test_no_page_has_a_serious_barrier(portal: Portal, week: Week, language: str) -> None:
    _require_all_matched()
    made = qualification.qualify_one(worlds.CLINIC, worlds.TODAY, "test")
    assert made
    code = worlds.CLINIC
    record = f"{code}/records/{week.number(weeks.FAULTY)}"
    with portal.page_of(week.officer, language=language) as page:
        for path in ("", code, f"{code}/records", record, f"{code}/qualifications/{made.pk}"):
            page.goto(report_of(portal) + path)
            if path == record:
                page.locator("main summary").first.click()
            assert_no_barrier(page)
            assert_fits_a_telephone(page)


def _require_all_matched() -> None:
    """What was missing comes, and what came by VPN comes again by Web API."""
    worlds.deliver("A2", [each.record20() for each in (weeks.FAULTY, weeks.UNSENT, weeks.BY_VPN)])
    worlds.work()
