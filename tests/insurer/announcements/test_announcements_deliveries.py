"""What became of messages outside the portal: counted, listed without persons, tried again."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from tests.insurer.portal import people

from nhicard.insurer import clock
from nhicard.insurer.accounts.models import User
from nhicard.insurer.announcements.models import Announcement, Delivery, LineAudience, Section
from nhicard.insurer.announcements.services import publishing
from nhicard.insurer.announcements.services.publishing import Draft
from nhicard.insurer.audit.models import Entry

LIST = "/portal/announcements/"
State = Delivery.State
MESSAGES = [
    ("line", "21", State.SENT, 1, ""),
    ("email", "one@clinic.example", State.FAILED, 8, "SMTPRecipientsRefused"),
    ("email", "two@clinic.example", State.PENDING, 2, "TimeoutError"),
    ("email", "three@clinic.example", State.SENT, 1, ""),
]


@pytest.fixture(autouse=True)
def home(db: None, insurer_home: Any) -> None:
    """Keys and settings of the test."""


@pytest.fixture
def author() -> User:
    return people.user("supervisor", division=2)


@pytest.fixture
def announcement(author: User) -> Announcement:
    draft = Draft(Section.NEWS, "連假看診登錄", "內容", kinds=["clinic", "pharmacy"])
    made = publishing.publish(draft, author, clock.now())
    LineAudience.objects.create(division=2, kind="clinic", group=21)
    for number, (channel, address, state, tries, trouble) in enumerate(MESSAGES):
        Delivery.objects.create(
            announcement=made,
            channel=channel,
            address=address,
            key=f"{number:032x}",
            state=state,
            tries=tries,
            trouble=trouble,
            next_at=clock.now(),
            sent_at=clock.now() if state == State.SENT else None,
        )
    return made


@pytest.fixture
def officer(author: User) -> Client:
    return people.signed_in(Client(), people.user("officer", division=2))


def test_the_messages_are_counted_by_announcement(officer: Client, announcement: Announcement) -> None:
    page = officer.get(f"{LIST}deliveries").content.decode()
    assert "北區業務組 ・ 診所、藥局" in page
    assert '<td class="number">2</td><td class="number">1</td><td class="number bad">1</td>' in page


def test_the_list_names_segments_and_no_persons(officer: Client, announcement: Announcement) -> None:
    page = officer.get(f"{LIST}{announcement.pk}/deliveries").content.decode()
    assert "北區業務組 ・ 診所</td>" in page
    assert "o…@clinic.example" in page
    assert "one@" not in page
    assert "SMTPRecipientsRefused" in page
    assert "LINE 傳不到：北區業務組 ・ 藥局" in page


@pytest.mark.parametrize(("state", "rows"), [("sent", 2), ("pending", 1), ("failed", 1), ("", 4), ("nonsense", 4)])
def test_a_state_filters(officer: Client, announcement: Announcement, state: str, rows: int) -> None:
    page = officer.get(f"{LIST}{announcement.pk}/deliveries?state={state}").content.decode()
    assert page.count('<td class="state delivery-') == rows


def test_what_failed_is_tried_again_under_its_key(officer: Client, announcement: Announcement, settings: Any) -> None:
    settings.EMAIL_SENDER = "portal@nhi.example"
    people.user("clerk", institution=people.institution(division=2), email="new@clinic.example")
    failed = Delivery.objects.get(state=State.FAILED)
    officer.post(f"{LIST}{announcement.pk}/retry")
    page = officer.get(f"{LIST}{announcement.pk}/deliveries").content.decode()
    assert "重新傳送 1 則，新增 1 則" in page
    again = Delivery.objects.get(pk=failed.pk)
    assert (again.state, again.tries, again.trouble, again.key) == (State.PENDING, 0, "", failed.key)
    assert Delivery.objects.filter(state=State.SENT).count() == 2
    assert Entry.objects.get(action="announcement.retried").facts == {"again": 1, "new": 1}


def test_only_the_place_that_published_looks_after_it(announcement: Announcement) -> None:
    path = f"{LIST}{announcement.pk}/deliveries"
    places: dict[str, dict[str, Any]] = {"officer": {"division": 3}, "headquarters": {}, "representative": {}}
    answers = {
        role: people.signed_in(Client(), people.user(role, **place)).get(path).status_code
        for role, place in (places | {"auditor": {}}).items()
    }
    assert answers == {"officer": 404, "headquarters": 200, "representative": 403, "auditor": 403}
