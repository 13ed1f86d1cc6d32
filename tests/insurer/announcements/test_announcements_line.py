"""The groups of the LINE account: a segment has one, LINE says who is in it, a division manages its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from tests.insurer.announcements import line_stand_in
from tests.insurer.announcements.line_stand_in import TOKEN, Line
from tests.insurer.portal import people

from nhicard.insurer import clock
from nhicard.insurer.announcements.models import Delivery, LineAudience, Section
from nhicard.insurer.announcements.services import publishing
from nhicard.insurer.announcements.services.publishing import Draft
from nhicard.insurer.audit.models import Entry

GROUPS = "/portal/announcements/line"


@pytest.fixture(autouse=True)
def home(db: None, insurer_home: Any) -> None:
    """Keys and settings of the test."""


@pytest.fixture
def line(settings: Any) -> Iterator[Line]:
    with line_stand_in.running() as server:
        settings.LINE_TOKEN, settings.LINE_HOST = TOKEN, server.url
        yield server


@pytest.fixture
def officer() -> Client:
    return people.signed_in(Client(), people.user("officer", division=2))


@pytest.fixture
def headquarters() -> Client:
    return people.signed_in(Client(), people.user("headquarters"))


def told(client: Client) -> str:
    """What the page says after the step."""
    return client.get(GROUPS).content.decode()


def audited() -> list[str]:
    """What was done with groups."""
    done = Entry.objects.filter(action__startswith="line-audience.")
    return list(done.order_by("number").values_list("action", flat=True))


def test_a_new_group_is_made_at_line_and_deleted_there(line: Line, officer: Client) -> None:
    people.institution("3701200000", division=2)
    assert officer.post(GROUPS, {"division": "2", "kind": "clinic", "specialty": "dental"}).status_code == 302
    row = LineAudience.objects.get()
    assert line.groups == {9000: ("北區業務組 ・ 診所 ・ 牙醫", 0)}
    assert (row.division, row.kind, row.specialty, row.group, row.is_ours) == (2, "clinic", "dental", 9000, True)
    page = told(officer)
    assert "已新增" in page
    assert "可使用" in page
    officer.post(f"{GROUPS}/{row.pk}/remove")
    assert (line.groups, LineAudience.objects.count()) == ({}, 0)
    assert audited() == ["line-audience.added", "line-audience.removed"]


def test_a_group_of_the_account_is_taken_over_and_left_there(line: Line, headquarters: Client) -> None:
    line.groups[77] = ("全部診所", 1234)
    headquarters.post(GROUPS, {"kind": "clinic", "group": "77"})
    row = LineAudience.objects.get()
    assert (row.group, row.members, row.status, row.is_ours) == (77, 1234, "READY", False)
    assert "1,234" in told(headquarters)
    headquarters.post(f"{GROUPS}/{row.pk}/remove")
    assert not LineAudience.objects.exists()
    assert 77 in line.groups


def test_refreshing_asks_line_again(line: Line, headquarters: Client) -> None:
    line.groups[77] = ("全部診所", 10)
    headquarters.post(GROUPS, {"kind": "clinic", "group": "77"})
    line.groups[77] = ("全部診所", 4321)
    headquarters.post(f"{GROUPS}/refresh")
    page = told(headquarters)
    assert "已更新 1 個群組" in page
    assert "4,321" in page


@pytest.mark.parametrize(
    ("answers", "said"), [([500], "HTTP 500"), ([400], "HTTP 400"), ([], "HTTP 404")], ids=["later", "never", "unknown"]
)
def test_what_line_refuses_is_said_and_nothing_is_kept(
    line: Line, headquarters: Client, answers: list[int], said: str
) -> None:
    line.answers = answers
    answer = headquarters.post(GROUPS, {"kind": "clinic", "group": "77"})
    assert answer.status_code == 422
    assert said in answer.content.decode()
    assert not LineAudience.objects.exists()


@pytest.mark.parametrize(
    "facts",
    [
        {"division": "3", "kind": "clinic"},  # another division's
        {"kind": "clinic"},  # the whole country's
        {"division": "2", "kind": "hospital", "specialty": "dental"},  # nobody's
        {"division": "2", "group": "0"},
        {"division": "2", "group": "x"},
        {"division": "2", "kind": "not-medical"},
    ],
    ids=str,
)
def test_what_a_division_may_not_say_is_refused(line: Line, officer: Client, facts: dict[str, str]) -> None:
    assert officer.post(GROUPS, facts).status_code == 422
    assert (line.groups, LineAudience.objects.count()) == ({}, 0)


def test_a_segment_has_one_group(line: Line, officer: Client) -> None:
    for _ in range(2):
        answer = officer.post(GROUPS, {"division": "2", "kind": "clinic"})
    assert "已有群組" in answer.content.decode()
    assert len(line.groups) == 1


def test_a_group_with_waiting_messages_stays(line: Line, headquarters: Client) -> None:
    headquarters.post(GROUPS, {"kind": "clinic"})
    row = LineAudience.objects.get()
    made = publishing.publish(Draft(Section.NEWS, "測試", "內容"), people.user("headquarters"), clock.now())
    Delivery.objects.create(announcement=made, channel="line", address=row.group, key=f"{1:032x}", next_at=clock.now())
    headquarters.post(f"{GROUPS}/{row.pk}/remove")
    assert "還有訊息" in told(headquarters)
    assert LineAudience.objects.filter(pk=row.pk).exists()


def test_a_division_sees_its_own_and_headquarters_all(officer: Client, headquarters: Client) -> None:
    for division, group in ((2, 220022), (3, 330033), (None, 990099)):
        LineAudience.objects.create(division=division, kind="clinic", group=group)
    seen = {str(each) for each in (220022, 330033, 990099) if str(each) in told(officer)}
    assert seen == {"220022"}
    assert all(str(each) in told(headquarters) for each in (220022, 330033, 990099))
    theirs = LineAudience.objects.get(division=3)
    assert officer.post(f"{GROUPS}/{theirs.pk}/remove").status_code == 404


def test_without_an_account_the_page_says_so(officer: Client) -> None:
    assert "尚未設定 LINE" in told(officer)
    assert officer.post(GROUPS, {"division": "2"}).status_code == 422
    officer.post(f"{GROUPS}/refresh")
    assert 'role="alert"' in told(officer)
