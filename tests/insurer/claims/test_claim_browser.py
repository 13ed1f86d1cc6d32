"""Claim files in a real browser: an institution's upload, result and months, and its division, in both languages.

NHICARD_PICTURES=docs/images python -m pytest -n0 tests/insurer/claims/test_claim_browser.py

renews docs/images/portal-claims-*.png.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from tests.chromium import assert_no_barrier, needs_chromium
from tests.insurer.claims import offices
from tests.insurer.claims.offices import NOW
from tests.insurer.portal import people
from tests.insurer.portal.portal_browser import Portal, assert_fits_a_telephone, picture, portal

from nhicard.formats.claims import write
from nhicard.insurer import clock
from nhicard.insurer.claims.services import checking

pytestmark = needs_chromium

WORDS = {
    "zh-TW": {
        "new": "上傳申報檔",
        "file": "申報檔",
        "send": "上傳",
        "no_claim": "不是費用申報檔",
        "waiting": "待檢核",
        "rejected": "請核對健保卡上的證號",
        "completed": "已完成新格式",
        "history": "經過",
        "open": "開啟明細",
    },
    "en": {
        "new": "Upload a claim file",
        "file": "Claim file",
        "send": "Upload",
        "no_claim": "It is no claim file",
        "waiting": "Waiting",
        "rejected": "check it against the card",
        "completed": "Completed in the revised format",
        "history": "History",
        "open": "Open the findings",
    },
}


@pytest.fixture
def desk(office: pytest.MonkeyPatch) -> Iterator[Portal]:
    with portal() as found:
        yield found


def looked_at(page: Page, name: str) -> None:
    assert_no_barrier(page)
    assert_fits_a_telephone(page)
    picture(page, f"claims-{name}")


@pytest.mark.parametrize("language", WORDS)
def test_from_a_rejected_case_to_the_completed_month(
    desk: Portal, office: pytest.MonkeyPatch, tmp_path: Path, language: str
) -> None:
    words, suffix = WORDS[language], "" if language == "zh-TW" else "-en"
    made = offices.claims()
    offices.upload_visits(made)
    place = offices.institution()
    none, wrong, right = tmp_path / "note.xml", tmp_path / "TOTFA-1.xml", tmp_path / "TOTFA-2.xml"
    none.write_bytes(b"no claim")
    wrong.write_bytes(offices.first_case(made, person="A123456780", birth="9991301"))
    right.write_bytes(write(made))
    with desk.page_of(people.user("clerk", institution=place), language=language) as page:

        def send(file: Path) -> None:
            page.goto(f"{desk.address}/portal/claims/")
            page.get_by_role("link", name=words["new"]).click()
            page.get_by_label(words["file"], exact=True).set_input_files(file)
            page.get_by_role("button", name=words["send"], exact=True).click()

        page.clock.install()
        send(none)
        expect(page.get_by_role("alert")).to_contain_text(words["no_claim"])
        looked_at(page, f"refused{suffix}")
        # a file with a rejected case: the page refreshes itself once the worker has been there
        send(wrong)
        expect(page.locator("#live")).to_contain_text(words["waiting"])
        assert checking.work(NOW) == 1
        page.clock.fast_forward(2000)
        expect(page.locator(".claim-findings")).to_contain_text(words["rejected"])
        looked_at(page, f"result{suffix}")
        # the corrected one completes the month
        office.setattr(clock, "now", lambda: NOW + timedelta(minutes=20))
        send(right)
        assert checking.work(NOW + timedelta(minutes=20)) == 1
        page.clock.fast_forward(2000)
        expect(page.locator(".state")).to_contain_text(words["completed"])
        looked_at(page, f"completed{suffix}")
        page.get_by_role("link", name=words["history"]).click()
        looked_at(page, f"month{suffix}")
        page.goto(f"{desk.address}/portal/claims/")
        looked_at(page, f"months{suffix}")
    people.institution("3501200019")
    with desk.page_of(people.user("officer", division=1), language=language) as page:
        page.goto(f"{desk.address}/portal/claims/")
        looked_at(page, f"division{suffix}")
        page.get_by_role("link", name=place.code).click()
        page.locator("section").nth(1).get_by_role("link").last.click()
        expect(page.locator(".claim-findings")).to_have_count(0)
        looked_at(page, f"closed{suffix}")
        page.get_by_role("button", name=words["open"]).click()
        expect(page.locator(".claim-findings")).to_contain_text("A******780")
        assert_no_barrier(page)


def test_without_script(desk: Portal, tmp_path: Path) -> None:
    file = tmp_path / "TOTFA.xml"
    file.write_bytes(write(offices.claims()))
    with desk.page_of(people.user("clerk", institution=offices.institution()), script=False) as page:
        page.goto(f"{desk.address}/portal/claims/new")
        page.get_by_label("申報檔", exact=True).set_input_files(file)
        page.get_by_role("button", name="上傳", exact=True).click()
        assert checking.work(NOW) == 1
        page.get_by_role("link", name="立即更新").click()
        expect(page.locator(".state")).to_contain_text("退件")
