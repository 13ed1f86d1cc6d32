"""S1 to S4 as the people of an institution and of its division take them, each step through the pages alone.

The words are those of the texts' tables in the language of the walk, so that the same steps serve every language, and
nothing here needs a script, so that they serve browsers without one. ``at`` says what time it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

import pytest
from django.utils import translation
from playwright.sync_api import Locator, Page, expect
from tests.chromium import assert_no_barrier
from tests.insurer.intake.clients import worker
from tests.insurer.monitoring import worlds
from tests.insurer.monitoring.worlds import Visit
from tests.insurer.portal.portal_browser import Portal, assert_fits_a_telephone, picture

from nhicard.checks.cases.cases import Record
from nhicard.formats.batch import build
from nhicard.formats.tables import Edition
from nhicard.formats.writer import write
from nhicard.insurer import clock
from nhicard.insurer.accounts.models import User
from nhicard.insurer.monitoring.presenting import moment_text
from nhicard.insurer.portal.texts import text

#: Those of S1: a week before the Monday on which it begins.
VISITS: Final = [Visit(number, date(2023, 10, 16 + number)) for number in range(3)]
AFTER_APPROVAL: Final = Visit(900, date(2023, 10, 25))
TOO_LATE_FOR_10: Final = Visit(901, date(2023, 10, 25))
CONTACT: Final = {"contact_name": "測試承辦", "contact_phone": "02-0000-0000", "contact_email": "clerk@example.org"}
REASON: Final = "測試理由"
#: Steps whose pictures the documentation shows, beside those of the uploads.
PICTURED: Final = ("walk-handed-in", "walk-refused", "walk-agreed", "walk-switched")


@dataclass
class Walk:
    """Who walks where, in which language (a browser's locale), with a script or without."""

    portal: Portal
    patch: pytest.MonkeyPatch
    folder: Path
    language: str
    script: bool
    clerk: User
    representative: User
    officer: User
    supervisor: User
    visited: set[str] = field(default_factory=set)

    def at(self, moment: datetime) -> None:
        """It is this time now."""
        self.patch.setattr(clock, "now", lambda: moment)

    def said(self, name: str, **values: Any) -> str:
        """The text as these people read it; moments among the values too."""
        with translation.override("en" if self.language == "en" else "zh-hant"):
            told = {key: moment_text(value) if isinstance(value, datetime) else value for key, value in values.items()}
            return text(name, **told)

    @contextmanager
    def user(self, user: User, page: str) -> Iterator[Page]:
        """The user's browser, gone from the home page to one that the menu names."""
        with self.portal.page_of(user, language=self.language, script=self.script) as browser:
            browser.clock.install()
            browser.goto(f"{self.portal.address}/portal/")
            self.look(browser, "home", user.role)
            browser.get_by_role("main").get_by_role("link", name=self.said(f"menu.{page}"), exact=True).click()
            yield browser

    def look(self, page: Page, name: str, of: str = "") -> None:
        """Stop at a page: no barrier, not too wide; its picture. The same page again is passed by."""
        if not self.script or name + of in self.visited:
            return
        self.visited.add(name + of)
        assert_no_barrier(page)
        assert_fits_a_telephone(page)
        if name in PICTURED or name.startswith("uploads-"):
            picture(page, f"{name}-en" if self.language == "en" else name)

    def file(self, name: str, edition: Edition, *records: Record) -> Path:
        """A file on the clerk's machine."""
        path = self.folder / name
        path.write_bytes(write(build(edition, list(records))))
        return path

    @staticmethod
    def checked() -> None:
        """The worker checks whatever waits."""
        works = worker(as_of=clock.now())
        while works.once():
            pass


def fact(page: Page, term: str) -> Locator:
    """What a page says of the term."""
    return page.locator("dl.facts > div").filter(has=page.locator("dt", has_text=term)).locator("dd").first


def send(walk: Walk, page: Page, kind: str, file: Path, button: str = "uploads.send") -> None:
    """Fill in the form of an upload and press the button."""
    page.get_by_label(walk.said(f"uploads.kind.{kind}")).check()
    page.get_by_label(walk.said("uploads.file"), exact=True).set_input_files(file)
    page.get_by_role("button", name=walk.said(button), exact=True).click()


def upload(walk: Walk, page: Page, kind: str, file: Path) -> None:
    """From the list of uploads to the checked upload."""
    page.get_by_role("link", name=walk.said("uploads.new")).click()
    send(walk, page, kind, file)
    expect(page.get_by_role("heading", level=1)).to_contain_text(walk.said(f"uploads.kind.{kind}"))
    expect(page.get_by_role("status")).to_contain_text(walk.said("uploads.kept"))
    expect(fact(page, walk.said("uploads.state"))).to_have_text(walk.said("uploads.state.pending"))
    walk.look(page, "uploads-waiting")
    walk.checked()
    if walk.script:
        page.clock.fast_forward(2000)  # after which the page asks by itself
    else:
        page.reload()
    expect(fact(page, walk.said("uploads.state"))).to_have_text(walk.said("uploads.state.checked"))


def expect_counts(walk: Walk, page: Page, **counts: int) -> None:
    """``records``, ``accepted``, ``rejected`` of the shown upload."""
    for name, count in counts.items():
        expect(fact(page, walk.said(f"uploads.{name}"))).to_have_text(str(count))


def expect_total(page: Page, a: int, b: int, by_vpn: int, by_web: int) -> None:
    """The report's row of totals."""
    percent = "100%" if a == b else "67%"
    expect(page.locator("#report-total tbody td")).to_have_text([str(a), str(b), percent, str(by_vpn), str(by_web)])


def condition(walk: Walk, page: Page, name: str, *, is_met: bool) -> None:
    """One of the report's two conditions."""
    told = page.get_by_role("region", name=walk.said(f"monitoring.condition.{name}"))
    expect(told.locator(".figure")).to_contain_text(walk.said("monitoring.met" if is_met else "monitoring.not_met"))


def s1_upload_and_monitoring(walk: Walk) -> None:
    """1.0 for real and 2.0 as a pre-check, until both conditions are met (H1)."""
    walk.at(datetime(2023, 10, 23, 9, 0))
    real = walk.file("visits10.xml", "1.0", *(each.record10() for each in VISITS))
    checks = walk.file("visits20.xml", "2.0", *(each.record20() for each in VISITS[1:]), VISITS[0].faulty20())
    with walk.user(walk.clerk, "uploads:list") as page:
        expect(page.get_by_text(walk.said("uploads.nothing"))).to_be_visible()
        page.get_by_role("link", name=walk.said("uploads.new")).click()
        walk.look(page, "uploads-new")
        page.get_by_role("button", name=walk.said("uploads.send"), exact=True).click()
        expect(page.get_by_role("alert")).to_contain_text(walk.said("uploads.error.kind"))
        walk.look(page, "uploads-faults")
        send(walk, page, "A2", checks, "uploads.preview")
        expect(page.get_by_role("heading", name=walk.said("uploads.preview.title"))).to_be_visible()
        expect_counts(walk, page, records=3, accepted=2, rejected=1)
        expect(page.get_by_role("region", name=walk.said("uploads.ranking"))).to_contain_text("M44")
        walk.look(page, "uploads-preview")
        page.get_by_role("link", name=walk.said("uploads.back")).click()
        expect(page.get_by_text(walk.said("uploads.nothing"))).to_be_visible()  # looking kept nothing
        upload(walk, page, "B1", real)
        expect_counts(walk, page, records=3, accepted=3, rejected=0)
        page.get_by_role("link", name=walk.said("uploads.back")).click()
        upload(walk, page, "A2", checks)
        expect_counts(walk, page, records=3, accepted=2, rejected=1)
        expect(page.get_by_role("region", name=walk.said("uploads.findings"))).to_contain_text("M44")
        walk.look(page, "uploads-result")
        with page.expect_download() as saved:
            page.get_by_role("link", name=walk.said("uploads.download.csv")).click()
        assert "M44" in saved.value.path().read_text("utf-8-sig")
        page.get_by_role("link", name=walk.said("uploads.back")).click()
        expect(page.get_by_role("row")).to_have_count(3)  # the head, 1.0 and 2.0
        walk.look(page, "uploads-list")
    _until_both_conditions_are_met(walk)


def _until_both_conditions_are_met(walk: Walk) -> None:
    with walk.user(walk.clerk, "monitoring:report") as page:
        expect_total(page, 3, 2, 2, 0)
        condition(walk, page, "all_matched", is_met=False)
        condition(walk, page, "all_by_web", is_met=False)
        page.get_by_role("button", name=walk.said("monitoring.qualify")).click()
        expect(page.get_by_role("status")).to_contain_text(walk.said("monitoring.outcome.not_yet"))
        # the clinic's own program mends the record and pre-checks by Web API
        worlds.deliver("A2", [each.record20() for each in VISITS], at=clock.now())
        walk.checked()
        page.reload()
        expect_total(page, 3, 3, 0, 3)
        condition(walk, page, "all_matched", is_met=True)
        condition(walk, page, "all_by_web", is_met=True)
        page.get_by_role("button", name=walk.said("monitoring.qualify")).click()
        expect(page.get_by_role("status")).to_contain_text(walk.said("monitoring.outcome.qualified"))
        walk.look(page, "walk-qualified")
    with walk.user(walk.officer, "monitoring:report") as page:
        page.get_by_role("link", name=worlds.CLINIC).click()
        expect(page.get_by_text(walk.said("monitoring.qualified", at=clock.now()))).to_be_visible()
        page.get_by_role("link", name=walk.said("monitoring.see_evidence")).click()
        expect_total(page, 3, 3, 0, 3)
        walk.look(page, "walk-evidence")


def s2_application(walk: Walk, at: datetime, number: str) -> None:
    """The clerk writes the application, the representative hands it in."""
    walk.at(at)
    with walk.user(walk.clerk, "applications:new") as page:
        walk.look(page, "walk-kinds")
        open_form(walk, page)
        for name, said in CONTACT.items():
            page.get_by_label(walk.said(f"applications.field.{name}")).fill(said)
        page.get_by_role("button", name=walk.said("applications.save")).last.click()
        expect(page.get_by_role("status")).to_contain_text(walk.said("applications.saved"))
        expect(page.get_by_role("button", name=walk.said("applications.submit"), exact=True)).to_have_count(0)
        walk.look(page, "walk-draft")
    with walk.user(walk.representative, "applications:new") as page:
        open_form(walk, page)
        expect(page.get_by_label(walk.said("applications.field.contact_name"))).to_have_value("測試承辦")
        page.get_by_role("button", name=walk.said("applications.submit"), exact=True).click()
        expect(page.get_by_role("status").first).to_contain_text(walk.said("applications.submitted", number=number))
        expect(page.locator(".state.large")).to_contain_text(walk.said("applications.state.officer"))
        walk.look(page, "walk-handed-in")


def open_form(walk: Walk, page: Page) -> None:
    """From the kinds of application to that for 2.0."""
    page.get_by_role("link", name=walk.said("applications.kind.ic20.about")).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(walk.said("applications.kind.ic20"))


def s3_decision(walk: Walk, at: datetime, number: str, by: User, step: str, state: str) -> None:
    """Somebody of the division opens the case from the work list and decides it by the evidence."""
    walk.at(at)
    with walk.user(by, "applications:work") as page:
        walk.look(page, "walk-work", by.role)
        page.get_by_role("link", name=number).click()
        expect(page.get_by_text(walk.said("applications.precondition.qualified"))).to_be_visible()
        if step == "refuse":
            page.get_by_role("button", name=walk.said("applications.action.refuse"), exact=True).click()
            expect(page.get_by_role("alert")).to_contain_text(walk.said("applications.refused.reason_missing"))
            walk.look(page, "walk-no-reason")
            page.get_by_label(walk.said("applications.field.reason")).fill(REASON)
        page.get_by_role("button", name=walk.said(f"applications.action.{step}"), exact=True).click()
        expect(page.get_by_role("status")).to_contain_text(number)
        expect(page.locator(".state.large")).to_contain_text(walk.said(f"applications.state.{state}"))
        walk.look(page, f"walk-{state}")


def query(walk: Walk, number: str, state: str, remark: str = "") -> None:
    """特約機構案件查詢作業: by its number, then everything again."""
    with walk.user(walk.representative, "applications:cases") as page:
        page.get_by_label(walk.said("applications.field.number")).fill(number)
        page.get_by_role("button", name=walk.said("applications.search")).click()
        expect(page.locator("tbody tr")).to_have_count(1)
        row = page.get_by_role("row", name=number)
        expect(row).to_contain_text(walk.said(f"applications.state.{state}"))
        expect(row.get_by_role("cell").last).to_have_text(remark)
        page.get_by_role("link", name=walk.said("applications.clear")).click()
        expect(page.get_by_label(walk.said("applications.field.number"))).to_have_value("")
        walk.look(page, f"walk-query-{state}")


def s4_switch(walk: Walk, at: datetime, number: str) -> None:
    """The first 2.0 file for real switches; 1.0 is refused from then on, and the division sees the change."""
    walk.at(at)
    with walk.user(walk.clerk, "uploads:list") as page:
        upload(walk, page, "A1", walk.file("real20.xml", "2.0", AFTER_APPROVAL.record20()))
        expect_counts(walk, page, records=1, accepted=1, rejected=0)
        page.get_by_role("link", name=walk.said("uploads.back")).click()
        upload(walk, page, "B1", walk.file("real10.xml", "1.0", TOO_LATE_FOR_10.record10()))
        expect_counts(walk, page, records=1, accepted=0, rejected=1)
        expect(page.get_by_role("region", name=walk.said("uploads.ranking"))).to_contain_text("Y000")
        walk.look(page, "walk-switched")
    with walk.user(walk.officer, "applications:cases") as page:
        page.get_by_role("link", name=number).click()
        expect(page.locator(".evidence")).to_contain_text(walk.said("applications.change.switched"))
        walk.look(page, "walk-changes")
