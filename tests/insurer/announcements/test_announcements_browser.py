"""An announcement from its writing to its reading, its LINE groups and its deliveries, in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import translation
from playwright.sync_api import Page, expect
from tests.chromium import assert_no_barrier, needs_chromium
from tests.insurer.announcements import line_stand_in
from tests.insurer.announcements.line_stand_in import TOKEN, Line
from tests.insurer.monitoring import worlds
from tests.insurer.portal import people, portal_browser
from tests.insurer.portal.portal_browser import Portal, assert_fits_a_telephone, picture

from nhicard.insurer import clock
from nhicard.insurer.accounts.models import User
from nhicard.insurer.announcements.channels import configured, line_audiences
from nhicard.insurer.announcements.models import Section
from nhicard.insurer.announcements.services import delivering, publishing
from nhicard.insurer.announcements.services.publishing import Draft
from nhicard.insurer.portal.texts import text

pytestmark = [
    pytest.mark.django_db,
    needs_chromium,
]
NOW = datetime(2023, 10, 23, 9, 0)
PICTURED = {"list", "new", "detail", "line", "line-refused", "deliveries"}
BROWSERS = pytest.mark.parametrize(
    ("language", "script"), [("zh-TW", True), ("en", True), ("zh-TW", False)], ids=["zh", "en", "no script"]
)


@pytest.fixture(scope="module")
def portal(django_db_setup: None, django_db_blocker: Any) -> Iterator[Portal]:
    with worlds.lasting(django_db_blocker, NOW), portal_browser.portal() as found:
        yield found


@pytest.fixture
def line(settings: Any) -> Iterator[Line]:
    with line_stand_in.running() as server:
        settings.LINE_TOKEN, settings.LINE_HOST = TOKEN, server.url
        assert line_audiences()  # the SDK is loaded before a browser waits for it
        yield server


@dataclass(frozen=True)
class Reader:
    """A browser of this language, with a script or without."""

    portal: Portal
    language: str
    script: bool

    def said(self, name: str, **values: Any) -> str:
        with translation.override("en" if self.language == "en" else "zh-hant"):
            return text(name, **values)

    @contextmanager
    def at(self, user: User, path: str = "") -> Iterator[Page]:
        """The user's page of announcements."""
        with self.portal.page_of(user, language=self.language, script=self.script) as page:
            page.goto(f"{self.portal.address}/portal/announcements/{path}")
            yield page

    def look(self, page: Page, name: str) -> None:
        if self.script:
            assert_no_barrier(page)
            assert_fits_a_telephone(page)
            if name in PICTURED:
                picture(page, f"announcements-{name}-en" if self.language == "en" else f"announcements-{name}")


@pytest.fixture
def reader(portal: Portal, language: str, script: bool) -> Reader:
    return Reader(portal, language, script)


@BROWSERS
def test_from_writing_to_reading(reader: Reader, tmp_path: Path) -> None:
    said, file = reader.said, tmp_path / "通知.pdf"
    file.write_bytes(b"%PDF-1.7 test")
    dentist = people.user("clerk", institution=people.institution("3701200008", division=2))
    physician = people.user("clerk", institution=people.institution("3501200008", division=2))
    publishing.publish(Draft(Section.ARCHIVE, "網路月租費結算", "已入帳。"), people.user("headquarters"), clock.now())
    with reader.at(people.user("officer", division=2)) as page:
        page.get_by_role("link", name=said("announcements.new")).click()
        page.get_by_label(said("announcements.title")).fill("牙醫院所網路月租費")
        page.get_by_label(said("announcements.kind.pharmacy")).check()
        page.get_by_label(said("announcements.specialty.dental")).check()
        page.get_by_role("button", name=said("announcements.publish")).click()
        # what is missing, and an audience that can have nobody
        told = page.get_by_role("alert")
        expect(told).to_contain_text(said("announcements.body"))
        expect(told).to_contain_text(said("announcements.error.nobody"))
        reader.look(page, "faults")
        page.get_by_label(said("announcements.kind.pharmacy")).uncheck()
        page.get_by_label(said("announcements.body")).fill("尚未參加者請向承辦人申請。\n\n附件為說明。")
        page.get_by_label(said("announcements.files")).set_input_files(file)
        reader.look(page, "new")
        page.get_by_role("button", name=said("announcements.publish")).click()
        expect(page.get_by_role("status")).to_contain_text(said("announcements.published"))
        audience = page.get_by_role("region", name=said("announcements.audience"))
        expect(audience).to_contain_text(f"{said('division.2')} ・ {said('announcements.specialty.dental')}")
        reader.look(page, "published")
        address = page.url
    with reader.at(dentist) as page:
        row = page.get_by_role("row", name="牙醫院所網路月租費")
        expect(row.first).to_contain_text(said("announcements.unread"))
        reader.look(page, "list")
        page.get_by_role("navigation", name=said("announcements.section")).get_by_role(
            "link", name=said("announcements.section.archive")
        ).click()
        expect(row).to_have_count(0)
        page.goto(address)
        reader.look(page, "detail")
        with page.expect_download() as saved:
            page.get_by_role("link", name="通知.pdf").click()
        assert saved.value.path().read_bytes() == b"%PDF-1.7 test"
        page.get_by_role("link", name=said("announcements.back")).click()
        expect(row.first).not_to_contain_text(said("announcements.unread"))
    with reader.at(physician) as page:
        expect(page.get_by_role("row", name="網路月租費結算").first).to_be_visible()
        expect(page.get_by_role("row", name="牙醫院所網路月租費")).to_have_count(0)


@BROWSERS
def test_line_groups_and_deliveries(reader: Reader, line: Line, settings: Any) -> None:
    said, officer = reader.said, people.user("officer", division=4)
    settings.EMAIL_SENDER = "portal@nhi.example"
    people.user("clerk", institution=people.institution("3701400001", division=4), email="clerk@clinic.example")
    line.groups[4711] = ("南區牙醫", 36)
    with reader.at(officer, "line") as page:
        page.get_by_label(said("announcements.line.specialty")).select_option("dental")
        page.get_by_label(said("announcements.line.group")).fill("4711")
        page.get_by_role("button", name=said("announcements.line.add")).click()
        named = f"{said('division.4')} ・ {said('announcements.specialty.dental')}"
        expect(page.get_by_role("status")).to_contain_text(said("announcements.line.added", segment=named))
        row = page.get_by_role("row", name=named)
        expect(row.get_by_role("cell")).to_contain_text(["4711", "1", "36", said("announcements.line.status.READY")])
        line.groups[4711] = ("南區牙醫", 40)
        page.get_by_role("button", name=said("announcements.line.refresh")).click()
        expect(row).to_contain_text("40")
        reader.look(page, "line")
        # LINE that does not answer is said so
        line.answers = [503]
        page.get_by_role("button", name=said("announcements.line.refresh")).click()
        expect(page.get_by_role("alert")).to_contain_text("HTTP 503")
        reader.look(page, "line-refused")
    draft = Draft(Section.NEWS, "連假看診登錄", "請於期限內登錄。", specialties=["dental", "chinese"])
    made = publishing.publish(draft, officer, clock.now())
    delivering.plan(made, configured(), clock.now())
    line.answers = [400]
    delivering.deliver(configured()[:1], clock.now())
    with reader.at(officer, "deliveries") as page:
        expect(page.get_by_role("row", name="連假看診登錄").first).to_be_visible()
        reader.look(page, "tallies")
        page.get_by_role("link", name="連假看診登錄").first.click()
        expect(page.get_by_role("row", name=named)).to_contain_text(said("announcements.state.failed"))
        expect(page.get_by_role("row", name="c…@clinic.example")).to_contain_text(said("announcements.state.pending"))
        expect(page.get_by_text("clerk@clinic.example")).to_have_count(0)
        reader.look(page, "deliveries")
        page.get_by_role("button", name=said("announcements.retry")).click()
        expect(page.get_by_role("row", name=named)).to_contain_text(said("announcements.state.pending"))
        line.answers = []
        delivering.deliver(configured(), clock.now() + timedelta(minutes=1))
        page.reload()
        expect(page.get_by_role("row", name=named)).to_contain_text(said("announcements.state.sent"))
    assert len(line.told) == 1
    with reader.at(officer, "line") as page:
        page.get_by_role("row", name=named).get_by_role("button").click()
        expect(page.get_by_text(said("announcements.line.nothing"))).to_be_visible()
    assert 4711 in line.groups, "a group that the account had is left there"
