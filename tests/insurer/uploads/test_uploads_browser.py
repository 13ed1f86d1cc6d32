"""Uploading in a browser beyond the walk of S1: the same file twice, a long list of errors, a line that breaks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect
from tests.chromium import assert_no_barrier, needs_chromium
from tests.insurer.intake.clients import VISIT20, a_file, worker
from tests.insurer.monitoring import worlds
from tests.insurer.portal import people, portal_browser
from tests.insurer.portal.portal_browser import Portal, picture

from nhicard.insurer import clock
from nhicard.insurer.accounts.models import User
from nhicard.insurer.intake.kinds import Channel
from nhicard.insurer.intake.models import Finding
from nhicard.insurer.intake.services.receiving import Upload, receive

pytestmark = [
    pytest.mark.django_db,
    needs_chromium,
]
CLINIC = VISIT20["M05"]
FILE = a_file(VISIT20)


@pytest.fixture(scope="module")
def portal(django_db_setup: None, django_db_blocker: Any) -> Iterator[Portal]:
    with worlds.lasting(django_db_blocker), portal_browser.portal() as found:
        yield found


@pytest.fixture
def clerk(portal: Portal) -> User:
    return people.user("clerk", institution=people.institution(CLINIC))


@pytest.fixture
def page(portal: Portal, clerk: User) -> Iterator[Page]:
    with portal.page_of(clerk) as opened:
        opened.goto(f"{portal.address}/portal/uploads/new")
        yield opened


def send(page: Page, file: Path, kind: str = "2.0 預檢") -> None:
    page.get_by_label(kind).check()
    page.get_by_label("檔案", exact=True).set_input_files(file)
    page.get_by_role("button", name="上傳", exact=True).click()


def test_the_same_file_again_is_a_warning(page: Page, portal: Portal, tmp_path: Path) -> None:
    file = tmp_path / "visits.xml"
    file.write_bytes(FILE)
    send(page, file)
    expect(page.locator(".banner.success")).to_contain_text("檔案已收下")
    first = page.url
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clock, "now", lambda: worlds.TODAY.replace(minute=5))
        page.goto(f"{portal.address}/portal/uploads/new")
        send(page, file)
        expect(page.locator(".banner.warning")).to_contain_text("相同檔案先前已上傳")
    assert page.url == first
    assert_no_barrier(page)
    picture(page, "uploads-again")


def test_many_errors_are_turned_over_page_by_page(page: Page, portal: Portal, clerk: User) -> None:
    assert clerk.institution
    content = a_file(*(VISIT20 | {"M11": f"1121020{hour:02d}{minute:02d}00"} for hour in (8, 9) for minute in range(9)))
    number = receive(Upload(clerk.institution.code, "", Channel.VPN, "A2", content), clock.now()).pk
    worker(as_of=clock.now()).once()
    count = Finding.objects.filter(submission=number).count()
    assert count > 50
    page.goto(f"{portal.address}/portal/uploads/{number}")
    found = page.get_by_role("region", name="錯誤明細").locator("tbody tr")
    expect(found).to_have_count(50)
    page.get_by_role("link", name="下一頁").click()
    expect(found).to_have_count(min(50, count - 50))
    page.get_by_role("link", name="回第一頁").click()
    expect(found.first).to_contain_text("1")


def test_a_line_that_breaks_while_sending_is_tried_the_plain_way(page: Page, tmp_path: Path) -> None:
    file = tmp_path / "visits.xml"
    file.write_bytes(FILE)
    asked: list[str] = []

    def break_the_first(route: Route) -> None:
        if route.request.method == "POST":
            asked.append(route.request.headers.get("x-requested-with", "form"))
        if asked == ["progress"]:
            route.abort()
        else:
            route.continue_()

    page.route("**/uploads/new", break_the_first)
    send(page, file)
    expect(page.get_by_role("heading", level=1)).to_contain_text("2.0 預檢")
    assert asked == ["progress", "form"]
