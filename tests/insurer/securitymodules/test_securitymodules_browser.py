"""Cloud SAMs in a real browser: applied for, approved, downloaded; both languages, without script, on a telephone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from playwright.sync_api import expect
from tests.chromium import assert_no_barrier, needs_chromium
from tests.insurer.portal import people, portal_browser
from tests.insurer.portal.portal_browser import Portal, assert_fits_a_telephone, picture

from nhicard.insurer import clock
from nhicard.insurer.registry.models import Contract, SecurityModule
from nhicard.insurer.securitymodules import made_up

pytestmark = [
    pytest.mark.django_db,
    needs_chromium,
]
NOW = datetime(2026, 3, 2, 9, 30)
PAGE = "/portal/security-modules/"


@pytest.fixture
def world(insurer_home: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(clock, "now", lambda: NOW)
    users = []
    for place, name in enumerate(("臺北虛擬診所", "測試牙醫診所", "測試中醫診所")):
        clinic = people.institution(f"350120000{place}", short_name=name)
        Contract.objects.create(institution=clinic, valid_from=NOW.date() - timedelta(days=300))
        SecurityModule.objects.create(
            number=f"S0000000000{place}", certificate="", institution=clinic, issued_on=NOW.date() - timedelta(days=300)
        )
        users.append(people.user("representative", institution=clinic, name="測試機構代表"))
    officer = people.user("officer", division=1, name="測試承辦")
    made_up.seed(NOW)
    for user in users:
        user.refresh_from_db()
    return SimpleNamespace(representatives=users, officer=officer)


@pytest.fixture
def portal(world: Any) -> Iterator[Portal]:
    with portal_browser.portal() as found:
        yield found


def test_the_file_is_downloaded_without_script(portal: Portal, world: Any) -> None:
    with portal.page_of(world.representatives[1], script=False) as page:
        page.goto(portal.address + PAGE)
        picture(page, "securitymodules-download")
        page.get_by_label("檔案密碼").fill("一二三四五六七八九十甲乙")
        page.get_by_label("再輸入一次").fill("一二三四五六七八九十甲乙")
        with page.expect_download() as download:
            page.get_by_role("button", name="下載安全模組檔").click()
        assert download.value.suggested_filename.startswith("3501200001C")
        assert download.value.suggested_filename.endswith(".SAM")
        page.goto(portal.address + PAGE)
        expect(page.get_by_role("table").first).to_contain_text("尚未安裝")
        expect(page.get_by_role("button", name="下載安全模組檔")).to_have_count(0)


def test_revoked_and_applied_for_anew(portal: Portal, world: Any) -> None:
    with portal.page_of(world.representatives[0]) as page:
        page.goto(portal.address + PAGE)
        row = page.get_by_role("row").filter(has_text="雲端").filter(has_text="尚未安裝")
        row.locator("summary").click()
        row.get_by_label("原因").select_option("machine")
        row.get_by_label("同時申請雲端安全模組替換").check()
        row.get_by_role("button", name="註銷").click()
        expect(page.get_by_role("status")).to_contain_text("已註銷，並送出新的申請")
        expect(page.get_by_role("table").first).to_contain_text("更換電腦")


def test_the_division_approves(portal: Portal, world: Any) -> None:
    with portal.page_of(world.officer) as page:
        page.goto(portal.address + PAGE)
        page.get_by_role("button", name="核准 3501200002", exact=True).click()
        expect(page.get_by_role("status").first).to_contain_text("已核准")
        expect(page.get_by_role("region", name="待核定的申請")).to_contain_text("沒有待核定的申請")


@pytest.mark.parametrize("language", ["zh-TW", "en"])
def test_no_page_has_a_serious_barrier(portal: Portal, world: Any, language: str) -> None:
    suffix = "-en" if language == "en" else ""
    for name, user in (("institution", world.representatives[0]), ("list", world.officer)):
        with portal.page_of(user, language=language) as page:
            page.goto(portal.address + PAGE)
            assert_no_barrier(page)
            assert_fits_a_telephone(page)
            picture(page, f"securitymodules-{name}{suffix}")
