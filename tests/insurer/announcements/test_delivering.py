"""Announcements by LINE and e-mail: each message once, tried again where it may come through, given up where not."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core import mail
from tests.insurer.announcements import line_stand_in
from tests.insurer.announcements.line_stand_in import TOKEN, Line
from tests.insurer.portal import people

from nhicard.insurer.announcements.channels.email import EmailChannel
from nhicard.insurer.announcements.channels.line import LineChannel
from nhicard.insurer.announcements.channels.line_api import Account
from nhicard.insurer.announcements.models import Announcement, Delivery, LineAudience, Section
from nhicard.insurer.announcements.services import delivering, publishing
from nhicard.insurer.announcements.services.publishing import Draft

NOW = datetime(2026, 3, 2, 9, 30)


@pytest.fixture(autouse=True)
def home(db: None, insurer_home: Any) -> None:
    """Keys and settings of the test."""


@pytest.fixture
def line() -> Iterator[Line]:
    with line_stand_in.running() as server:
        yield server


def written(**draft: Any) -> Announcement:
    facts: dict[str, Any] = {"section": Section.NEWS, "title": "連假登錄", "body": "請於期限內登錄。"}
    return publishing.publish(Draft(**(facts | draft)), people.user("headquarters"), NOW)


def delivered(channel: LineChannel | EmailChannel, announcement: Announcement, now: datetime = NOW) -> dict[str, int]:
    delivering.plan(announcement, [channel], now)
    return delivering.deliver([channel], now)


def test_what_is_for_everybody_is_broadcast(line: Line) -> None:
    assert delivered(LineChannel(Account(TOKEN, line.url)), written()) == {"sent": 1, "waiting": 0, "failed": 0}
    ((path, body),) = line.told
    assert path == "/v2/bot/message/broadcast"
    text = body["messages"][0]["text"]
    assert "連假登錄" in text
    assert "/portal/announcements/" in text


def test_each_audience_gets_one_message_by_its_group(line: Line) -> None:
    LineAudience.objects.create(division=2, kind="clinic", group=21)
    LineAudience.objects.create(division=2, kind="pharmacy", group=22)
    LineAudience.objects.create(division=3, kind="clinic", group=31)
    channel = LineChannel(Account(TOKEN, line.url))
    assert delivered(channel, written(divisions=[2], kinds=["clinic", "pharmacy", "hospital"]))["sent"] == 2
    assert sorted(body["recipient"]["audienceGroupId"] for _, body in line.told) == [21, 22]
    assert {path for path, _ in line.told} == {"/v2/bot/message/narrowcast"}
    assert {body["recipient"]["type"] for _, body in line.told} == {"audience"}


def test_a_specialty_narrows_the_groups_that_are_told(line: Line) -> None:
    LineAudience.objects.create(division=2, specialty="dental", group=23)
    LineAudience.objects.create(division=2, specialty="chinese", group=24)
    LineAudience.objects.create(division=2, group=25)
    assert delivered(LineChannel(Account(TOKEN, line.url)), written(divisions=[2], specialties=["dental"]))["sent"] == 1
    assert [body["recipient"]["audienceGroupId"] for _, body in line.told] == [23]


def test_planned_twice_it_is_sent_once(line: Line) -> None:
    channel, made = LineChannel(Account(TOKEN, line.url)), written()
    assert delivered(channel, made)["sent"] == 1
    assert delivered(channel, made)["sent"] == 0
    assert len(line.told) == 1


@pytest.mark.parametrize("status", [429, 500, 503])
def test_what_may_come_through_later_is_tried_again_with_the_same_key(line: Line, status: int) -> None:
    line.answers = [status, status]
    channel, made = LineChannel(Account(TOKEN, line.url)), written()
    assert delivered(channel, made)["waiting"] == 1
    assert delivering.deliver([channel], NOW + timedelta(seconds=59)) == {"sent": 0, "waiting": 0, "failed": 0}
    assert delivering.deliver([channel], NOW + timedelta(minutes=1))["waiting"] == 1
    assert delivering.deliver([channel], NOW + timedelta(minutes=3))["sent"] == 1
    assert line.keys == {str(Delivery.objects.get().key)}


def test_a_lost_answer_does_not_make_a_second_message(line: Line) -> None:
    channel, made = LineChannel(Account(TOKEN, line.url)), written()
    delivered(channel, made)
    Delivery.objects.update(state=Delivery.State.PENDING)  # as if the answer had never come
    assert delivering.deliver([channel], NOW)["sent"] == 1
    assert len(line.told) == 1


def test_a_refusal_is_kept_with_its_reason(line: Line) -> None:
    assert delivered(LineChannel(Account("another token", line.url)), written())["failed"] == 1
    assert Delivery.objects.get().trouble == "HTTP 401"


def test_nobody_there_is_tried_eight_times() -> None:
    channel, made, now = LineChannel(Account(TOKEN, "http://127.0.0.1:9")), written(), NOW
    delivering.plan(made, [channel], now)
    outcomes = []
    for _ in range(9):
        outcomes.append(delivering.deliver([channel], now))
        now = Delivery.objects.get().next_at
    assert [outcome["waiting"] for outcome in outcomes] == [1] * 7 + [0, 0]
    assert Delivery.objects.get().state == Delivery.State.FAILED


def test_mail_goes_to_the_users_of_those_it_is_for() -> None:
    for division, address in ((2, "a@clinic.example"), (2, "a@clinic.example"), (2, ""), (3, "b@clinic.example")):
        people.user("clerk", institution=people.institution(division=division), email=address)
    assert delivered(EmailChannel("portal@nhi.example"), written(divisions=[2]))["sent"] == 1
    (sent,) = mail.outbox
    assert (sent.to, sent.subject) == (["a@clinic.example"], "連假登錄")
    assert "/portal/announcements/" in str(sent.body)
