"""The printed example of the report, to the digit, from visits that went through receiving and worker."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import expect
from tests.chromium import needs_chromium
from tests.insurer.monitoring import worlds
from tests.insurer.portal import people, portal_browser

from nhicard.insurer.monitoring import presenting
from nhicard.insurer.monitoring.services.report import Report, report

pytestmark = pytest.mark.django_db
PRINTED = worlds.rows("example_report.csv")


@pytest.fixture(scope="module")
def example(django_db_setup: None, django_db_blocker: Any) -> Iterator[Report]:
    with worlds.lasting(django_db_blocker):
        worlds.upload_example(worlds.example())
        yield report(worlds.CLINIC, worlds.TODAY)


@pytest.mark.parametrize("printed", PRINTED, ids=lambda row: row["name"])
def test_each_printed_row(example: Report, printed: dict[str, str]) -> None:
    part = next(each for each in presenting.parts(example) if each.key == printed["part"])
    row = next(each for each in part.rows if each.name == printed["name"])
    told = [row.a.count, row.b.count, row.percent, row.by_vpn.count, row.by_web.count]
    assert [str(each) for each in told] == [printed[name] for name in ("a", "b", "percent", "by_vpn", "by_web")]


def test_what_is_not_printed_is_in_the_totals_all_the_same(example: Report) -> None:
    """The eight printed categories hold 19,010 of 29,581 records; the report has the others too."""
    printed = {row["name"][:2] for row in PRINTED if row["part"] == "category"}
    others = {code: counts for code, counts in example.by_category.items() if code not in printed}
    assert sum(counts.a for counts in others.values()) == 29_581 - 19_010
    assert sum(counts.a for counts in example.by_category.values()) == example.total.a


def test_it_does_not_qualify(example: Report) -> None:
    assert (example.all_matched, example.all_by_web, example.qualifies) == (False, False, False)
    assert [name for name, counts in example.by_category.items() if counts.only_looks_complete] == ["01"]
    assert [day.day for day, counts in example.by_day.items() if counts.only_looks_complete] == [19, 20]


@needs_chromium
def test_a_browser_reads_the_same_digits(example: Report) -> None:
    clerk = people.user("clerk", institution=people.institution(worlds.CLINIC))
    with portal_browser.portal() as portal, portal.signed_in(clerk) as context:
        page = context.new_page()
        page.goto(f"{portal.address}/portal/monitoring/")
        expect(page.get_by_role("heading", level=1)).to_have_text("健保卡2.0預檢比對健保卡1.0統計報表")
        read = [
            [part, *cells]
            for part in ("total", "day", "category")
            for cells in page.locator(f"#report-{part} tbody tr").evaluate_all(
                "rows => rows.map(row => [...row.cells].map(cell => cell.innerText.trim()))"
            )
        ]
        printed = [list(row.values()) for row in PRINTED]
        others = [row for row in read if row not in printed]
        assert [row for row in read if row in printed] == printed
        assert [row[:2] for row in others] == [
            ["category", "AA-同一療程（6次以內治療為限）"],
            ["category", "AB-同一療程（非6次以內治療為限）"],
            ["category", "AH-居家照護（第二次以後）"],
        ]
        expect(page.get_by_text("1121019：5165/5173 四捨五入才是 100%，還差 8 件，不算達到。")).to_be_visible()
