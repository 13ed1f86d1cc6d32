"""Programs and documents in a browser: adding a program, authorising one, the lists."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from django.db import connection
from playwright.sync_api import expect
from tests.chromium import assert_no_barrier, needs_chromium
from tests.insurer.eprescriptions import sheets
from tests.insurer.eprescriptions.programs import Clock, program, told
from tests.insurer.monitoring import worlds
from tests.insurer.portal import people, portal_browser
from tests.insurer.portal.portal_browser import Portal, assert_fits_a_telephone, picture

pytestmark = [
    pytest.mark.django_db,
    needs_chromium,
    pytest.mark.skipif(
        connection.vendor == "postgresql", reason="their calls close the connection that the server shares"
    ),
]


@pytest.fixture(scope="module")
def portal(django_db_setup: None, django_db_blocker: Any) -> Iterator[Portal]:
    with worlds.lasting(django_db_blocker), portal_browser.portal() as found:
        yield found


def test_a_representative_adds_a_program_and_looks_at_the_documents(portal: Portal, at: Clock) -> None:
    clinic, pharmacy = program("clinic", short_name="測試診所").connect(), program("pharmacy").connect()
    for number, kind in enumerate("CAB"):
        bundle = sheets.prescription(
            clinic.code,
            number=f"RX-1150302-{number + 1}",
            kind=kind,
            repeats=3 if kind == "C" else 1,
            visit=f"{number}" * 20,
        )
        code = told(clinic.prescribe(bundle))["accessCode"]
        if kind != "B":
            assert pharmacy.dispense(bundle, code).status_code == 201
    with portal.page_of(clinic.representative) as page:
        page.goto(f"{portal.address}/portal/eprescriptions/")
        expect(page.get_by_role("region", name="開立的電子處方箋")).to_contain_text("已調劑 1／3 次")
        assert_no_barrier(page)
        picture(page, "eprescriptions")
        assert_fits_a_telephone(page)
        page.get_by_role("link", name="新增介接程式").click()
        page.get_by_label("名稱").fill("門診 HIS")
        page.get_by_label("系統自行連線").check()
        assert_no_barrier(page)
        picture(page, "eprescription-program")
        page.get_by_role("button", name="新增").click()
        expect(page.get_by_role("heading", name="已新增介接程式")).to_be_visible()
        expect(page.get_by_text("只顯示這一次")).to_be_visible()
        assert_no_barrier(page)
        assert_fits_a_telephone(page)


def test_a_user_authorises_a_program_of_their_institution(portal: Portal, at: Clock) -> None:
    back = f"{portal.address}/health"  # any page of the program; here one that answers
    app = program("clinic", redirect_uri=back)
    wish = {
        "response_type": "code",
        "client_id": app.client.client_id,
        "redirect_uri": back,
        "scope": "prescribe read",
        "state": "s",
        "code_challenge": "A" * 43,
        "code_challenge_method": "S256",
    }
    with portal.page_of(people.user("clerk", institution=app.institution)) as page:
        page.goto(f"{portal.address}/portal/eprescriptions/authorize?{urlencode(wish)}")
        expect(page.get_by_role("heading", name="授權介接程式")).to_be_visible()
        assert_no_barrier(page)
        picture(page, "eprescription-authorise")
        page.get_by_role("button", name="同意").click()
        page.wait_for_url(lambda url: url.startswith(back))
        assert "code=" in page.url
        assert "state=s" in page.url


def test_the_division_sees_counts(portal: Portal, at: Clock) -> None:
    clinic = program("clinic").connect()
    clinic.prescribe(sheets.prescription(clinic.code))
    with portal.page_of(people.user("officer")) as page:
        page.goto(f"{portal.address}/portal/eprescriptions/")
        row = page.get_by_role("row", name=clinic.code)
        expect(row.get_by_role("cell").nth(1)).to_have_text("1")
        assert_no_barrier(page)
