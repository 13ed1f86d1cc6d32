"""The roll-out in a real browser: joined and left, a month by division; in both languages, on a telephone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from playwright.sync_api import expect
from tests.chromium import assert_no_barrier, needs_chromium
from tests.insurer.portal import people, portal_browser
from tests.insurer.portal.portal_browser import Portal, assert_fits_a_telephone, picture

from nhicard.insurer import clock
from nhicard.insurer.registry.models import Contract
from nhicard.insurer.virtualcards import made_up

pytestmark = [
    pytest.mark.django_db,
    needs_chromium,
]
NOW = datetime(2026, 3, 10, 9, 30)
PAGE = "/portal/virtual-cards/"


@pytest.fixture
def world(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    settings.HOME = tmp_path
    monkeypatch.setattr(clock, "now", lambda: NOW)
    clerks = []
    for place, name in enumerate(("臺北虛擬診所", "測試牙醫診所", "測試中醫診所")):
        clinic = people.institution(f"350120000{place}", short_name=name, division=1 + place // 2)
        Contract.objects.create(institution=clinic, valid_from=date(2020, 1, 1))
        clerks.append(people.user("clerk", institution=clinic, name="測試承辦甲"))
    made_up.seed(NOW)
    headquarters = people.user("headquarters", name="測試署本部")
    return SimpleNamespace(clerks=clerks, headquarters=headquarters)


@pytest.fixture
def portal(world: Any) -> Iterator[Portal]:
    with portal_browser.portal() as found:
        yield found


def test_a_setting_is_joined_and_left_without_script(portal: Portal, world: Any) -> None:
    with portal.page_of(world.clerks[2], script=False) as page:
        page.goto(portal.address + PAGE)
        page.get_by_label("開始日 遠距醫療").fill("115/04/01")
        page.get_by_role("button", name="參加 遠距醫療").click()
        expect(page.get_by_role("status")).to_contain_text("已登錄參加")
        expect(page.get_by_role("row").filter(has_text="遠距醫療").first).to_contain_text("將自 115/04/01 起參加")
        page.get_by_role("button", name="退出 院所現場").click()
        expect(page.get_by_role("row").filter(has_text="院所現場").first).to_contain_text("115/01/01 至 115/03/10")


def test_headquarters_see_divisions_and_take_the_reward_list(portal: Portal, world: Any) -> None:
    with portal.page_of(world.headquarters) as page:
        page.goto(portal.address + PAGE)
        divisions = page.get_by_role("region", name="分區彙總").last
        expect(divisions).to_contain_text("臺北業務組")
        expect(divisions).to_contain_text("北區業務組")
        page.get_by_label("月份").select_option("115/01")
        page.get_by_role("button", name="查詢").click()
        expect(page.get_by_role("heading", level=1)).to_contain_text("115/01")
        with page.expect_download() as download:
            page.get_by_role("link", name="下載獎勵清單 CSV").click()
        assert download.value.suggested_filename == "virtual-cards-rewards-202601.csv"


@pytest.mark.parametrize("language", ["zh-TW", "en"])
def test_no_page_has_a_serious_barrier(portal: Portal, world: Any, language: str) -> None:
    suffix = "-en" if language == "en" else ""
    for name, user in (("institution", world.clerks[0]), ("list", world.headquarters)):
        with portal.page_of(user, language=language) as page:
            page.goto(portal.address + PAGE)
            assert_no_barrier(page)
            assert_fits_a_telephone(page)
            picture(page, f"virtualcards-{name}{suffix}")
