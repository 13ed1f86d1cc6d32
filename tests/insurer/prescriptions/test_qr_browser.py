"""Uploading a prescription's image in a real browser, and the division's decision, in both languages.

NHICARD_PICTURES=docs/images python -m pytest -n0 tests/insurer/prescriptions/test_qr_browser.py

renews docs/images/portal-prescriptions-*.png.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect
from tests.chromium import assert_no_barrier, needs_chromium
from tests.insurer.portal.portal_browser import PICTURES, Portal, assert_fits_a_telephone, picture, portal
from tests.insurer.prescriptions import consulting_room
from tests.insurer.prescriptions.consulting_room import Room

from nhicard.bench.prescriptions import NOW
from nhicard.insurer import clock
from nhicard.prescriptions import sheet

pytestmark = [
    needs_chromium,
    pytest.mark.django_db,
]


@pytest.fixture
def room(db: None, insurer_home: Any, monkeypatch: pytest.MonkeyPatch) -> Room:
    monkeypatch.setattr(clock, "now", lambda: NOW)
    return consulting_room.opened()


@pytest.fixture
def desk(room: Room) -> Iterator[Portal]:
    with portal() as found:
        yield found


WORDS = {
    "zh-TW": {
        "new": "上傳處方箋圖片",
        "file": "處方箋圖片或 PDF",
        "send": "上傳",
        "unusable": "這個檔案不能用",
        "waiting": "待就醫資料",
        "again": "之前上傳過",
        "verified": "已驗證",
        "doubtful": "待分區確認",
        "remark": "說明或理由",
        "refuse": "確認不符",
        "confirm": "確認相符",
        "reason": "不符時請填寫理由",
    },
    "en": {
        "new": "Upload a prescription",
        "file": "Image or PDF of the prescription",
        "send": "Upload",
        "unusable": "This file cannot be used",
        "waiting": "Visit not on file",
        "again": "uploaded before",
        "verified": "Verified",
        "doubtful": "For the division",
        "remark": "Remark or reason",
        "refuse": "It does not agree",
        "confirm": "It agrees",
        "reason": "Give a reason",
    },
}


@pytest.mark.parametrize("language", WORDS)
def test_from_the_sheet_to_the_decision(desk: Portal, room: Room, tmp_path: Path, language: str) -> None:
    words, suffix = WORDS[language], "" if language == "zh-TW" else "-en"
    pdf, image, note = tmp_path / "sheet.pdf", tmp_path / "photo.png", tmp_path / "note.pdf"
    pdf.write_bytes(sheet.render(room.signed(), "測試診所")[0])
    image.write_bytes(room.image(patient_name="測試病患癸"))
    note.write_bytes(b"no prescription")
    with desk.page_of(room.clerk, language=language) as page:

        def send(file: Path) -> None:
            page.goto(f"{desk.address}/portal/prescriptions/")
            page.get_by_role("link", name=words["new"]).first.click()
            page.get_by_label(words["file"]).set_input_files(file)
            page.get_by_role("button", name=words["send"]).click()

        # a file that is none is refused by a sentence, and the form stays
        send(note)
        expect(page.get_by_role("alert")).to_contain_text(words["unusable"])
        assert_no_barrier(page)
        picture(page, f"prescriptions-unusable{suffix}")
        # the sheet is genuine, but the visit is not there yet
        send(pdf)
        expect(page.locator(".qr-verdict h2")).to_contain_text(words["waiting"])
        assert_no_barrier(page)
        # then it is, and the same file again is verified
        visit = room.uploaded()
        send(pdf)
        expect(page.get_by_role("status").first).to_contain_text(words["again"])
        expect(page.locator(".qr-verdict h2")).to_contain_text(words["verified"])
        assert_no_barrier(page)
        assert_fits_a_telephone(page)
        picture(page, f"prescriptions-verified{suffix}")
        # another image, while the visit names another physician
        visit.staff_id = "B123456780"
        visit.save()
        send(image)
        expect(page.locator(".qr-verdict h2")).to_contain_text(words["doubtful"])
        address = page.url
        page.goto(f"{desk.address}/portal/prescriptions/new")
        assert_no_barrier(page)
        assert_fits_a_telephone(page)
        picture(page, f"prescriptions-new{suffix}")
    with desk.page_of(room.officer, language=language) as page:
        page.goto(f"{desk.address}/portal/prescriptions/")
        assert_no_barrier(page)
        assert_fits_a_telephone(page)
        picture(page, f"prescriptions-list{suffix}")
        page.get_by_role("link", name="115/03/02").first.click()
        expect(page).to_have_url(address)
        page.get_by_role("button", name=words["refuse"]).click()
        expect(page.get_by_role("alert")).to_contain_text(words["reason"])
        page.goto(address)
        assert_no_barrier(page)
        picture(page, f"prescriptions-decide{suffix}")
        page.get_by_label(words["remark"]).fill("測試說明")
        page.get_by_role("button", name=words["confirm"]).click()
        expect(page.locator(".qr-verdict h2")).to_contain_text(words["verified"])
        assert_no_barrier(page)


def test_without_script(desk: Portal, room: Room, tmp_path: Path) -> None:
    image = tmp_path / "photo.png"
    image.write_bytes(room.image())
    with desk.page_of(room.clerk, script=False) as page:
        page.goto(f"{desk.address}/portal/prescriptions/new")
        page.get_by_label("處方箋圖片或 PDF").set_input_files(image)
        page.get_by_role("button", name="上傳", exact=True).click()
        expect(page.locator(".qr-verdict h2")).to_contain_text("待就醫資料")


def test_the_sheet_for_the_documentation(room: Room) -> None:
    """The picture of a printed sheet; it is one page."""
    (page,) = sheet.render(room.signed(), "測試診所", form="png", dpi=110)
    assert page.startswith(b"\x89PNG")
    if PICTURES:
        (Path(PICTURES) / "portal-prescriptions-sheet.png").write_bytes(page)
