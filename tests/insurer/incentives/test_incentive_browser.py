"""The points pages in a real browser, for every reader; pictures for the guide:

NHICARD_PICTURES=docs/images python -m pytest -n0 tests/insurer/incentives/test_incentive_browser.py
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from playwright.sync_api import Page, expect
from tests.chromium import assert_no_barrier, needs_chromium
from tests.insurer.incentives import offices
from tests.insurer.monitoring import worlds
from tests.insurer.portal import people, portal_browser
from tests.insurer.portal.portal_browser import Portal, assert_fits_a_telephone, picture

from nhicard.insurer.accounts.models import User
from nhicard.insurer.incentives.services import sources
from nhicard.insurer.opendata.services import publishing

pytestmark = [
    pytest.mark.django_db,
    needs_chromium,
]
NOW = datetime(2023, 11, 20, 10)
HOSPITAL, PHARMACY = "0936000000", "5936000001"
Desk = tuple[Portal, dict[str, User]]


def _others(as_of: datetime) -> pl.DataFrame:
    """Claims and images, as the apps that have them would tell."""
    rows = [
        (HOSPITAL, "claim_completed", date(2023, 11, 10), "B", "claims 11210 B"),
        (HOSPITAL, "claim_completed", date(2023, 11, 12), "C", "claims 11210 C"),
        (PHARMACY, "e_prescription_uploaded", date(2023, 11, 8), "", "electronic prescription 1"),
    ]
    names = ["institution", "kind", "happened_on", "detail", "evidence"]
    return pl.DataFrame(rows, schema=names, orient="row").with_columns(
        recorded_at=pl.col("happened_on").cast(pl.Datetime("us"))
    )


@pytest.fixture(scope="module")
def desk(django_db_setup: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    from django.conf import settings

    with worlds.lasting(django_db_blocker, NOW) as patch:
        patch.setattr(settings, "HOME", tmp_path_factory.mktemp("home"))
        patch.setattr(sources, "SOURCES", (*sources.SOURCES, _others))
        hospital = offices.switched(HOSPITAL, 3, kind="hospital", short_name="測試醫院甲", county="03")
        for number, (county, division) in enumerate((("03", 3), ("37", 3), ("38", 3), ("01", 1), ("31", 1), ("32", 2))):
            for each in range(1 + 5 % (number + 1)):
                code = f"35{county}2{number}0{each}00"
                (offices.switched if each < 3 else offices.qualified)(
                    code, division, short_name=f"測試診所{number}{each}", county=county
                )
        offices.qualified(PHARMACY, 3, kind="pharmacy", short_name="測試藥局乙", county="03")
        back = offices.switched("3503209900", 3, short_name="測試診所丙", county="03")
        offices.settled("2023-10-31", 3)
        offices.returned(back, datetime(2023, 11, 5, 9))
        offices.settled("2023-11-15", 3)
        for day in (date(2023, 10, 31), date(2023, 11, 19)):
            publishing.publish(offices.SCHEME, day, publishing.folder())
        users = {
            "clerk": hospital.clerk,
            "officer": hospital.officer,
            "headquarters": people.user("headquarters"),
            "pharmacy": people.user("clerk", institution=people.institution(PHARMACY)),
        }
        with portal_browser.portal() as portal:
            yield portal, users


@contextmanager
def opened(desk: Desk, who: str, path: str, language: str = "zh-TW") -> Iterator[Page]:
    portal, users = desk
    with portal.page_of(users[who], language=language) as page:
        page.goto(f"{portal.address}/{path}")
        yield page


@pytest.mark.parametrize(
    ("who", "path", "name"),
    [
        ("clerk", "portal/incentives/", "incentives-institution"),
        ("pharmacy", "portal/incentives/", "incentives-pharmacy"),
        ("officer", "portal/incentives/", "incentives-division"),
        ("headquarters", "portal/incentives/?item=H&state=earned", "incentives-headquarters"),
        ("officer", "opendata/", "opendata-page"),
    ],
)
@pytest.mark.parametrize("language", ["zh-TW", "en"])
def test_no_page_has_a_serious_barrier_or_is_wider_than_a_telephone(
    desk: Desk, who: str, path: str, name: str, language: str
) -> None:
    with opened(desk, who, path, language) as page:
        expect(page.locator("html")).to_have_attribute("lang", "en" if language == "en" else "zh-Hant-TW")
        assert_no_barrier(page)
        picture(page, f"{name}-en" if language == "en" else name)
        assert_fits_a_telephone(page)


def test_an_institution_reads_what_to_do_next(desk: Desk) -> None:
    with opened(desk, "clerk", "portal/incentives/") as page:
        expect(page.get_by_role("region", name="獎勵項目").first).to_contain_text("112/10/28 完成")
        steps = page.get_by_role("region", name="下一步").get_by_role("listitem")
        expect(steps).to_have_count(2)
        expect(steps.first).to_contain_text("新制部分負擔")
        page.get_by_label("截至日期").fill("112/10/26")
        page.get_by_role("button", name="查看").click()
        expect(steps.first).to_contain_text("請等分區業務組核定")


def test_an_officer_filters_and_downloads_a_settlement(desk: Desk, tmp_path: Path) -> None:
    with opened(desk, "officer", "portal/incentives/") as page:
        page.get_by_label("項目", exact=True).select_option("H")
        page.get_by_label("狀態", exact=True).select_option("open")
        page.get_by_role("button", name="查詢").click()
        expect(page.get_by_role("region", name="醫事機構").first).to_contain_text("測試診所丙")
        expect(page.get_by_role("region", name="醫事機構").first).not_to_contain_text("測試醫院甲")
        page.get_by_role("link", name="112-3-2", exact=True).click()
        expect(page.get_by_role("region", name="明細").first).to_contain_text("-10,000")
        assert_no_barrier(page)
        picture(page, "incentives-settlement")
        with page.expect_download() as told:
            page.get_by_role("link", name="下載 CSV").click()
        told.value.save_as(tmp_path / "settlement.csv")
    assert "3503209900,測試診所丙,H,0,10000,-10000" in (tmp_path / "settlement.csv").read_text("utf-8-sig")


def test_anybody_searches_the_open_data_without_script(desk: Desk, tmp_path: Path) -> None:
    portal, _ = desk
    with portal_browser.watched(portal.browser, script=False) as page:
        page.goto(f"{portal.address}/opendata/")
        page.get_by_label("縣市", exact=True).select_option("臺中市")
        page.get_by_label("項目", exact=True).select_option("H")
        page.get_by_role("button", name="查詢").click()
        expect(page.get_by_role("region", name="名單").first).to_contain_text("測試醫院甲")
        expect(page.get_by_role("region", name="名單").first).not_to_contain_text("彰化縣")
        with page.expect_download() as told:
            page.get_by_role("link", name="incentives.csv").click()
        told.value.save_as(tmp_path / "list.csv")
        assert HOSPITAL in (tmp_path / "list.csv").read_text("utf-8-sig")
        page.get_by_role("link", name="English").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Incentive items as open data")
        expect(page.get_by_label("County", exact=True)).to_have_value("臺中市")
