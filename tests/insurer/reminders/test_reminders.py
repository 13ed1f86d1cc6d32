"""Reminders: once for each occasion, never to who declined, seen and logged."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.core.exceptions import PermissionDenied
from django.core.mail import EmailMessage
from django.db import DatabaseError, connection, transaction
from django.test import Client
from tests.insurer.portal import people

from nhicard.insurer.announcements.channels.email import EmailChannel
from nhicard.insurer.audit.models import Entry
from nhicard.insurer.reminders.models import Mail, Opening, Reminder
from nhicard.insurer.reminders.services import Text, choose, mailing, remind

pytestmark = pytest.mark.django_db
NOW = datetime(2023, 10, 23, 12)
TITLE, BODY = Text("請登錄看診時段", "Register your hours"), Text("四月二日至五日", "2 to 5 April")
ONE, OTHER = "3501200000", "5901200001"


def _told(institutions: list[str], now: datetime = NOW, key: str = "holiday 1") -> int:
    return remind("hours", institutions, TITLE, BODY, now, key)


def test_each_occasion_is_told_once() -> None:
    people.user("clerk", institution=people.institution(ONE))
    people.user("clerk", institution=people.institution(OTHER))
    assert _told([ONE]) == 1
    assert _told([ONE, OTHER], NOW + timedelta(days=1)) == 1, "the second alone"
    assert _told([ONE, OTHER], NOW + timedelta(days=2)) == 0
    assert _told([ONE], NOW + timedelta(days=2), "holiday 2") == 1
    assert _told(["9999999999"]) == 0, "not in the registry"


def test_a_topic_that_nobody_knows_is_a_mistake() -> None:
    with pytest.raises(KeyError):
        remind("weather", [ONE], TITLE, BODY, NOW, "x")


def test_who_declined_is_not_told_until_that_is_taken_back() -> None:
    user = people.user("representative", institution=people.institution(ONE))
    choose(user, "hours", is_declined=True, now=NOW)
    assert _told([ONE]) == 0
    assert remind("taxes", [ONE], TITLE, BODY, NOW, "tax") == 1, "another topic"
    choose(user, "hours", is_declined=False, now=NOW)
    assert _told([ONE]) == 1
    assert list(Entry.objects.filter(action__startswith="reminders").values_list("action", flat=True)) == [
        "reminders.declined",
        "reminders.wanted",
    ]


def test_what_must_be_answered_cannot_be_declined() -> None:
    user = people.user("representative", institution=people.institution(ONE))
    with pytest.raises(PermissionDenied):
        choose(user, "newborn", is_declined=True, now=NOW)
    with pytest.raises(PermissionDenied):
        choose(people.user("headquarters"), "hours", is_declined=True, now=NOW)


def test_every_user_with_an_address_gets_one_mail() -> None:
    first = people.user("clerk", institution=people.institution(ONE))
    first.email = "clerk@clinic.example"
    first.save()
    people.user("representative", institution=people.institution(ONE))
    _told([ONE])
    _told([ONE])
    assert [mail.address for mail in Mail.objects.all()] == ["clerk@clinic.example"]


def test_the_mail_says_it_in_both_languages_and_goes_once(mailoutbox: list[EmailMessage]) -> None:
    user = people.user("clerk", institution=people.institution(ONE))
    user.email = "clerk@clinic.example"
    user.save()
    _told([ONE])
    channel = EmailChannel("insurer@nhi.example")
    assert mailing.deliver(channel, NOW) == {"sent": 1, "waiting": 0, "failed": 0}
    assert mailing.deliver(channel, NOW) == {"sent": 0, "waiting": 0, "failed": 0}
    (mail,) = mailoutbox
    assert (mail.subject, mail.to) == (TITLE.zh, ["clerk@clinic.example"])
    assert BODY.zh in mail.body
    assert BODY.en in mail.body


def test_a_mail_server_that_is_away_is_tried_again_later(monkeypatch: pytest.MonkeyPatch) -> None:
    user = people.user("clerk", institution=people.institution(ONE))
    user.email = "clerk@clinic.example"
    user.save()
    _told([ONE])

    def away(self: EmailMessage, fail_silently: bool = False) -> int:
        raise ConnectionRefusedError

    channel = EmailChannel("insurer@nhi.example")
    with monkeypatch.context() as patched:
        patched.setattr(EmailMessage, "send", away)
        assert mailing.deliver(channel, NOW)["waiting"] == 1
    assert mailing.deliver(channel, NOW)["sent"] == 0, "not yet"
    assert mailing.deliver(channel, NOW + timedelta(minutes=2))["sent"] == 1


def test_the_log_is_only_added_to() -> None:
    people.user("clerk", institution=people.institution(ONE))
    _told([ONE])
    with pytest.raises(DatabaseError, match="only added to"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM reminders_reminder")


def test_an_institution_reads_its_own_and_the_insurer_sees_that_it_did(client: Client) -> None:
    clerk = people.user("clerk", institution=people.institution(ONE))
    people.user("clerk", institution=people.institution(OTHER))
    _told([ONE, OTHER])
    headquarters = Client()
    people.signed_in(headquarters, people.user("headquarters"))
    assert headquarters.get("/portal/reminders/").content.decode().count("尚未") == 2
    people.signed_in(client, clerk)
    page = client.get("/portal/reminders/").content.decode()
    assert page.count(TITLE.zh) == 1
    assert OTHER not in page
    assert Opening.objects.count() == 1
    assert headquarters.get("/portal/reminders/").content.decode().count("尚未") == 1


def test_the_page_declines(client: Client) -> None:
    people.signed_in(client, people.user("clerk", institution=people.institution(ONE)))
    answer = client.post("/portal/reminders/choose", {"topic": "hours", "declined": "yes"}, follow=True)
    assert "不再收到這一項提醒" in answer.content.decode()
    assert _told([ONE]) == 0
    answer = client.post("/portal/reminders/choose", {"topic": "newborn", "declined": "yes"}, follow=True)
    assert "不能關閉" in answer.content.decode()
    assert Reminder.objects.count() == 0
