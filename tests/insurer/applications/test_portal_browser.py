"""S2 to S4 in a real browser: the representative applies, the officer agrees, the query shows it; for every reader.

    PORTAL_IMAGES=1 python -m pytest -n0 tests/insurer/applications/test_portal_browser.py

renews docs/images/portal-applications-*.png.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.db import connections
from django.test import Client
from playwright.sync_api import Browser, Page, expect, sync_playwright
from tests.institution.console.console_browser import CHROMIUM, chromium
from tests.insurer.applications import office
from tests.insurer.applications.files import PDF
from tests.insurer.applications.office import NOW, Office
from tests.insurer.faults.databases import opened
from tests.insurer.portal import people

from nhicard.insurer import clock
from nhicard.insurer.accounts.models import User

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed; see tools/browser.sh")
IMAGES = Path(__file__).parents[3] / "docs" / "images"


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Nothing."""


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory, django_db_setup: Any, django_db_blocker: Any) -> Iterator[Office]:
    with pytest.MonkeyPatch.context() as patch, django_db_blocker.unblock():
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")  # the browser's loop runs in this thread
        patch.setattr(clock, "now", lambda: NOW)
        with opened(tmp_path_factory.mktemp("portal")):
            yield office.opened()


@pytest.fixture(scope="module")
def address(clinic: Office) -> Iterator[str]:
    application = get_wsgi_application()

    def served(environ: Any, start: Any) -> Any:
        try:
            return application(environ, start)
        finally:
            connections.close_all()

    with make_server("127.0.0.1", 0, served, _Server, _Quiet) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://localhost:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright, chromium(playwright) as found:
        yield found


class Desk:
    """Browsers of the people of the story; errors of scripts and refused resources are kept."""

    def __init__(self, browser: Browser, address: str) -> None:
        self.browser, self.address = browser, address
        self.troubles: list[str] = []

    def page(self, user: User, path: str, **context: Any) -> Page:
        """The user's browser, signed in, at the address."""
        client = people.signed_in(Client(), user)
        opened = self.browser.new_context(locale="zh-TW", viewport={"width": 1200, "height": 800}, **context)
        opened.set_default_timeout(5000)
        value = client.cookies[settings.SESSION_COOKIE_NAME].value
        opened.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": value, "url": self.address}])
        page = opened.new_page()
        page.on("pageerror", lambda error: self.troubles.append(str(error)))
        page.on("console", lambda told: self.troubles.append(told.text) if told.type == "error" else None)
        page.goto(f"{self.address}/portal/applications/{path}")
        return page


@pytest.fixture
def desk(browser: Browser, address: str, django_db_blocker: Any) -> Iterator[Desk]:
    desk = Desk(browser, address)
    with django_db_blocker.unblock():
        yield desk
    for context in browser.contexts:
        context.close()
    assert not [each for each in desk.troubles if "422" not in each and "409" not in each]


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
_TOO_WIDE = """() => document.documentElement.scrollWidth <= 360 ? [] : [...document.querySelectorAll("main *")]
    .filter(each => each.getBoundingClientRect().right > 360).map(each => each.outerHTML.slice(0, 90))"""
SERIOUS = ("serious", "critical")


@pytest.mark.parametrize("language", ["zh", "en"])
def test_no_page_has_a_serious_barrier_or_is_wider_than_a_telephone(desk: Desk, clinic: Office, language: str) -> None:
    axe, case = Axe(), clinic.submitted("support")
    for path, who in PAGES.items():
        page = desk.page(getattr(clinic, who), path.format(case=f"cases/{case.number}"))
        if language == "en":
            page.get_by_role("button", name="English").click()
            expect(page.locator("html")).to_have_attribute("lang", "en")
        found = axe.run(page).response["violations"]
        barriers = [each for each in found if each["impact"] in SERIOUS]
        serious = [(each["id"], [node["html"] for node in each["nodes"]]) for each in barriers]
        assert not serious, path
        if language == "en" and path == "{case}":
            pictured(page, "case-en")
        page.set_viewport_size({"width": 360, "height": 700})
        assert page.evaluate(_TOO_WIDE) == [], path


def test_the_pages_work_without_script(desk: Desk, clinic: Office) -> None:
    case = clinic.submitted("services")
    page = desk.page(clinic.officer, "work", java_script_enabled=False)
    page.get_by_label(f"選取 {case.number}").check()
    page.get_by_role("textbox", name="說明或理由").fill("測試理由")
    page.get_by_role("button", name="核定不同意").click()
    expect(page.get_by_role("status").first).to_contain_text(f"{case.number}：已完成")
