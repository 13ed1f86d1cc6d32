"""Tax documents in a real browser: no card, no document; with a card the PDF; the insurer's list and letters.

    NHICARD_PICTURES=docs/images python -m pytest -n0 tests/insurer/taxes/test_taxes_browser.py

renews docs/images/portal-taxes-*.png.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import pypdfium2
import pytest
from django.conf import settings
from django.test import Client
from playwright.sync_api import Page, expect
from tests.chromium import assert_no_barrier, needs_chromium
from tests.insurer.monitoring import worlds
from tests.insurer.portal import people, portal_browser
from tests.insurer.portal.portal_browser import PICTURES, Portal, assert_fits_a_telephone, listen, picture
from tests.insurer.taxes.tax_world import NOW, OWNER, SECOND, THIRD, YEAR, clinic, load, months, with_card

from nhicard.insurer.accounts.models import User
from nhicard.insurer.taxes.models import Document
from nhicard.insurer.taxes.services import rendering
from nhicard.insurer.taxes.services.producing import produce

pytestmark = [
    needs_chromium,
    pytest.mark.django_db,  # alone in a run it is what has the database made
]


@pytest.fixture(scope="module")
def owner(django_db_setup: None, django_db_blocker: Any) -> Iterator[User]:
    with worlds.lasting(django_db_blocker, NOW):
        place = clinic()
        clinic("3501200019")
        clinic("3501200028", until=date(2025, 9, 30))
        persons = {
            "3501200000": (OWNER, "0570506"),
            "3501200019": (SECOND, "0300101"),
            "3501200028": (THIRD, "0590101"),
        }
        for code, (id_no, birthday) in persons.items():
            load("owners", {"institution": code, "id_no": id_no, "birthday": birthday})
            load("payments", *months(12, institution=code))
        produce(YEAR, NOW.date(), NOW)
        yield people.user("representative", institution=place, national_id=OWNER, name="測試負責人甲")


@pytest.fixture(scope="module")
def portal(owner: User) -> Iterator[Portal]:
    with portal_browser.portal() as found:
        yield found


@contextmanager
def carded(portal: Portal, user: User) -> Iterator[Page]:
    """The page of a user who signed in with a staff card."""
    client = with_card(Client(), user)
    troubles: list[str] = []
    with portal.browser.new_context(locale="zh-TW", viewport={"width": 1200, "height": 800}) as context:
        context.set_default_timeout(5000)
        name = settings.SESSION_COOKIE_NAME
        cookie: Any = {"name": name, "value": client.cookies[name].value, "secure": True}
        context.add_cookies([cookie | {"url": f"{portal.address}/portal/"}])
        yield listen(context.new_page(), troubles)
    assert not troubles


def test_without_a_card_there_is_nothing_to_download(portal: Portal, owner: User) -> None:
    with portal.page_of(owner) as page:
        page.goto(f"{portal.address}/portal/taxes/")
        expect(page.get_by_role("heading", name="請以憑證登入")).to_be_visible()
        assert page.get_by_role("link", name="PDF").count() == 0
        picture(page, "taxes-password")


def test_the_owner_downloads_with_a_card(portal: Portal, owner: User, tmp_path: Path) -> None:
    with carded(portal, owner) as page:
        page.goto(f"{portal.address}/portal/taxes/")
        with page.expect_download() as waiting:
            page.get_by_role("link", name=f"PDF 扣繳憑單 {YEAR}").click()
        saved = tmp_path / waiting.value.suggested_filename
        waiting.value.save_as(saved)
        text = pypdfium2.PdfDocument(saved)[0].get_textpage().get_text_range()
        assert saved.name == f"{YEAR}-withholding-v1.pdf"
        assert "468,000" in text
        page.reload()
        expect(page.get_by_role("row", name="扣繳憑單")).to_contain_text("115/04/20 09:00")
        picture(page, "taxes-own")


def test_a_division_prints_its_letters(portal: Portal, owner: User, tmp_path: Path) -> None:
    with portal.page_of(people.user("officer", division=1)) as page:
        page.goto(f"{portal.address}/portal/taxes/")
        picture(page, "taxes-list")
        with page.expect_download() as waiting:
            page.get_by_role("button", name="列印整批紙本").click()
        saved = tmp_path / "letters.pdf"
        waiting.value.save_as(saved)
        assert len(pypdfium2.PdfDocument(saved)) == 8


@pytest.mark.parametrize("language", ["zh", "en"])
def test_no_page_has_a_serious_barrier_or_is_wider_than_a_telephone(portal: Portal, owner: User, language: str) -> None:
    officer, clerk = people.user("officer", division=1), people.user("clerk", institution=owner.institution)
    for name, user in {"own": owner, "password": owner, "clerk": clerk, "list": officer}.items():
        with carded(portal, user) if name == "own" else portal.page_of(user) as page:
            page.goto(f"{portal.address}/portal/taxes/")
            if language == "en":
                page.get_by_role("button", name="English").click()
                expect(page.locator("html")).to_have_attribute("lang", "en")
                if name in ("own", "list"):
                    picture(page, f"taxes-{name}-en")
            assert_no_barrier(page)
            assert_fits_a_telephone(page)


@pytest.mark.skipif(not PICTURES, reason="pictures are not wanted")
def test_pictures_of_the_documents(owner: User) -> None:
    for kind in ("split", "withholding"):
        document = Document.objects.select_related("institution", "production").get(kind=kind, owner_id_no=OWNER)
        page = pypdfium2.PdfDocument(rendering.pdf(document))[0]
        path = Path(os.environ["NHICARD_PICTURES"]) / f"portal-taxes-pdf-{kind}.png"
        page.render(scale=1.5).to_pil().save(path)
        assert path.stat().st_size > 0
