"""S2 to S4 in a real browser: the representative applies, the officer agrees, the query shows it; for every reader.

    PORTAL_IMAGES=1 python -m pytest -n0 tests/insurer/applications/test_portal_browser.py

renews docs/images/portal-applications-*.png.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from tests.chromium import assert_no_barrier, needs_chromium
from tests.insurer.applications import office
from tests.insurer.applications.files import PDF
from tests.insurer.applications.office import NOW, Office
from tests.insurer.monitoring import worlds
from tests.insurer.portal import portal_browser
from tests.insurer.portal.portal_browser import Portal, assert_fits_a_telephone, listen

from nhicard.insurer.accounts.models import User

pytestmark = [
    pytest.mark.django_db,
    needs_chromium,
]
IMAGES = Path(__file__).parents[3] / "docs" / "images"


@pytest.fixture(scope="module")
def clinic(django_db_setup: None, django_db_blocker: Any) -> Iterator[Office]:
    with worlds.lasting(django_db_blocker, NOW):
        yield office.opened()


@pytest.fixture(scope="module")
def portal(clinic: Office) -> Iterator[Portal]:
    with portal_browser.portal() as found:
        yield found


class Desk:
    """Browsers of the people of the story; errors of scripts and refused resources are kept."""

    def __init__(self, portal: Portal) -> None:
        self.portal, self.address = portal, portal.address
        self.troubles: list[str] = []

    def page(self, user: User, path: str, **context: Any) -> Page:
        """The user's browser, signed in, at the address."""
        page = listen(self.portal.signed_in(user, **context).new_page(), self.troubles)
        page.goto(f"{self.address}/portal/applications/{path}")
        return page


@pytest.fixture
def desk(portal: Portal) -> Iterator[Desk]:
    desk = Desk(portal)
    yield desk
    for context in portal.browser.contexts:
        context.close()
    assert not desk.troubles


def pictured(page: Page, name: str) -> None:
    """A picture for the documentation, where that was asked for."""
    if os.environ.get("PORTAL_IMAGES"):
        page.screenshot(path=IMAGES / f"portal-applications-{name}.png", full_page=True)


def test_from_the_application_to_its_decision(desk: Desk, clinic: Office, tmp_path: Path) -> None:
    # S2: the representative applies
    file = tmp_path / "合約.pdf"
    file.write_bytes(PDF)
    mine = desk.page(clinic.representative, "new")
    pictured(mine, "new")
    mine.get_by_role("link", name="IC-健保卡資料上傳格式2.0作業").click()
    expect(mine.get_by_role("heading", level=1)).to_contain_text("試辦計畫")
    mine.get_by_label("聯絡人姓名").fill("測試承辦")
    mine.get_by_label("電子郵件").fill("clerk@example.org")
    mine.get_by_label("希望生效日").fill("112/13/01")
    mine.get_by_role("button", name="送件").click()
    expect(mine.get_by_role("alert")).to_contain_text("聯絡電話：請填寫")
    pictured(mine, "troubles")
    mine.get_by_role("alert").get_by_role("link", name="希望生效日").click()
    expect(mine.get_by_label("希望生效日")).to_be_focused()
    mine.get_by_label("希望生效日").fill("112/11/01")
    mine.get_by_label("聯絡電話").fill("02-0000-0000")
    mine.get_by_label("選擇檔案").set_input_files(file)
    mine.get_by_role("button", name="儲存").last.click()
    expect(mine.get_by_role("link", name="合約.pdf")).to_be_visible()
    mine.get_by_role("button", name="送件").click()
    expect(mine.get_by_role("status").first).to_contain_text("案件編號 112102500001")
    # the officer sees the evidence and agrees
    theirs = desk.page(clinic.officer, "work")
    pictured(theirs, "work")
    theirs.get_by_role("link", name="112102500001").click()
    expect(theirs.get_by_role("region", name="佐證").or_(theirs.locator(".evidence"))).to_contain_text(
        "112/10/24 09:30"
    )
    pictured(theirs, "decide")
    theirs.get_by_role("button", name="核定同意").click()
    expect(theirs.get_by_text("已核定_同意").first).to_be_visible()
    # S3: the institution asks what became of it
    mine.goto(f"{desk.address}/portal/applications/cases")
    mine.get_by_label("案件編號").fill("112102500001")
    mine.get_by_role("button", name="查詢").click()
    expect(mine.get_by_role("row", name="112102500001")).to_contain_text("112/10/25")
    expect(mine.get_by_role("row", name="112102500001")).to_contain_text("已核定_同意")
    pictured(mine, "cases")
    mine.get_by_role("link", name="清除").click()
    expect(mine.get_by_label("案件編號")).to_have_value("")
    # S4: a way back is open, with its consequences
    mine.goto(f"{desk.address}/portal/applications/new/apply?kind=return10")
    expect(mine.get_by_text("不予改版獎勵")).to_be_visible()
    pictured(mine, "return")


PAGES = {
    "new": "clerk",
    "new/apply?kind=return10": "representative",
    "cases": "clerk",
    "work": "officer",
    "{case}": "officer",
}


@pytest.mark.parametrize("language", ["zh", "en"])
def test_no_page_has_a_serious_barrier_or_is_wider_than_a_telephone(desk: Desk, clinic: Office, language: str) -> None:
    case = clinic.submitted("support")
    for path, who in PAGES.items():
        page = desk.page(getattr(clinic, who), path.format(case=f"cases/{case.number}"))
        if language == "en":
            page.get_by_role("button", name="English").click()
            expect(page.locator("html")).to_have_attribute("lang", "en")
        assert_no_barrier(page)
        if language == "en" and path == "{case}":
            pictured(page, "case-en")
        assert_fits_a_telephone(page)


def test_the_pages_work_without_script(desk: Desk, clinic: Office) -> None:
    case = clinic.submitted("services")
    page = desk.page(clinic.officer, "work", java_script_enabled=False)
    page.get_by_label(f"選取 {case.number}").check()
    page.get_by_role("textbox", name="說明或理由").fill("測試理由")
    page.get_by_role("button", name="核定不同意").click()
    expect(page.get_by_role("status").first).to_contain_text(f"{case.number}：已完成")
