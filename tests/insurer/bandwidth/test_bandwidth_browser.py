"""The line fee subsidy in a real browser: applied, agreed, bill sent, settled; for every reader.

    NHICARD_PICTURES=docs/images python -m pytest -n0 tests/insurer/bandwidth/test_bandwidth_browser.py

renews docs/images/portal-bandwidth-*.png.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect
from tests.chromium import assert_no_barrier, needs_chromium
from tests.insurer.applications.files import PDF
from tests.insurer.bandwidth.line_world import MONTH, NOW, Place, agreed, applied, place, sent
from tests.insurer.monitoring import worlds
from tests.insurer.portal import portal_browser
from tests.insurer.portal.portal_browser import Portal, assert_fits_a_telephone, picture

from nhicard.insurer.bandwidth.models import Enrolment, Settlement
from nhicard.insurer.bandwidth.services import settling

pytestmark = [
    needs_chromium,
    pytest.mark.django_db,  # alone in a run it is what has the database made
]
_CODES = {"3501200000": "clinic", "3701200001": "clinic", "3701200010": "clinic", "3801200002": "clinic"}


@pytest.fixture(scope="module")
def clinic(django_db_setup: None, django_db_blocker: Any) -> Iterator[Place]:
    with worlds.lasting(django_db_blocker, NOW):
        first, *others = [place(code, kind=kind) for code, kind in _CODES.items()]
        for each, bill in zip(others[:2], (1600, 1200), strict=True):
            agreed(each)
            sent(each, bill=bill)
        for number in range(6):
            place(f"590120000{number}", kind="pharmacy")
        applied(others[2])
        settling.settle(1, MONTH, 37, NOW.date(), NOW)
        yield first


@pytest.fixture(scope="module")
def portal(clinic: Place) -> Iterator[Portal]:
    with portal_browser.portal() as found:
        yield found


def test_from_the_application_to_the_bill(portal: Portal, clinic: Place, tmp_path: Path) -> None:
    file = tmp_path / "帳單.pdf"
    file.write_bytes(PDF)
    home = f"{portal.address}/portal/bandwidth/"
    with portal.page_of(clinic.representative) as mine, portal.page_of(clinic.officer, script=False) as theirs:
        mine.goto(home)
        mine.get_by_label("聯絡電話").fill("電話")
        mine.get_by_role("button", name="送出申請").click()
        expect(mine.get_by_role("alert")).to_contain_text("聯絡電話：不是電話號碼")
        mine.get_by_label("聯絡電話").fill("02-0000-0000")
        mine.get_by_role("button", name="送出申請").click()
        expect(mine.get_by_role("status").first).to_contain_text("已送出申請")
        theirs.goto(home)
        theirs.get_by_role("link", name=clinic.institution.code).click()
        theirs.get_by_role("button", name="不同意").click()
        expect(theirs.get_by_role("alert")).to_contain_text("請填寫理由")
        picture(theirs, "bandwidth-decide")
        theirs.get_by_role("button", name="同意", exact=True).click()
        expect(theirs.get_by_text("已記錄核定結果")).to_be_visible()
        mine.goto(home)
        mine.get_by_label("費用年月").fill("111/02")
        mine.get_by_label("帳單金額").fill("1499")
        mine.get_by_label("線路速率").fill("100")
        mine.locator("input[type=file]").set_input_files(file)
        mine.get_by_role("button", name="送出帳單").click()
        expect(mine.get_by_role("row", name="111/02").first).to_contain_text("1,499")
        picture(mine, "bandwidth-own")


@pytest.mark.parametrize("language", ["zh", "en"])
def test_no_page_has_a_serious_barrier_or_is_wider_than_a_telephone(
    portal: Portal, clinic: Place, language: str
) -> None:
    waits = Enrolment.objects.filter(decision=None).latest("pk")
    settled = Settlement.objects.latest("pk")
    pages = {
        "own": (clinic.representative, ""),
        "list": (clinic.officer, ""),
        "missing": (clinic.officer, "missing"),
        "enrolment": (clinic.officer, f"enrolments/{waits.pk}"),
        "settlement": (clinic.officer, f"settlements/{settled.pk}"),
    }
    for name, (user, path) in pages.items():
        with portal.page_of(user) as page:
            page.goto(f"{portal.address}/portal/bandwidth/{path}")
            if language == "en":
                page.get_by_role("button", name="English").click()
                expect(page.locator("html")).to_have_attribute("lang", "en")
            assert_no_barrier(page)
            if name != "own" and (language == "zh" or name == "list"):
                picture(page, f"bandwidth-{name}{'-en' if language == 'en' else ''}")
            if name == "own" and language == "en":
                picture(page, "bandwidth-own-en")
            assert_fits_a_telephone(page)
