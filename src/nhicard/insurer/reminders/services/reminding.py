"""Reminders: given once for each occasion, never to who declined the topic."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import uuid4

from django.core.exceptions import PermissionDenied
from django.db import transaction

from nhicard.insurer.accounts.models import User
from nhicard.insurer.audit import chain
from nhicard.insurer.registry.models import Institution
from nhicard.insurer.reminders.models import Choice, Mail, Opening, Reminder
from nhicard.insurer.reminders.topics import topics


class Text(NamedTuple):
    """A sentence in both languages."""

    zh: str
    en: str


@transaction.atomic
def remind(
    topic: str, institutions: Sequence[str], title: Text, body: Text, now: datetime, key: str, link: str = ""
) -> int:
    """Remind these institutions (codes), each once for ``key``; how many were told now.

    Left out are those that declined the topic and codes that the registry does not know. Every user of the
    institution with an e-mail address gets one; ``nhicard deliver`` sends them. Raises KeyError for a topic that
    ``data/topics.csv`` has not.
    """
    known = topics()[topic]
    wanted = Institution.objects.filter(code__in=set(institutions)).exclude(reminders__key=key)
    left_out = declined(topic) if known.may_be_declined else set()
    new = [
        Reminder(
            institution=each,
            topic=topic,
            key=key,
            title_zh=title.zh,
            title_en=title.en,
            body_zh=body.zh,
            body_en=body.en,
            link=link,
            at=now,
        )
        for each in wanted.order_by("code")
        if each.pk not in left_out
    ]
    Reminder.objects.bulk_create(new, ignore_conflicts=True)
    told = Reminder.objects.filter(key=key, at=now, institution__in=[each.institution_id for each in new])
    Mail.objects.bulk_create(_mails(told, now), ignore_conflicts=True)
    return len(new)


def _mails(told: Iterable[Reminder], now: datetime) -> list[Mail]:
    by_institution = {each.institution_id: each for each in told}
    users = User.objects.filter(institution__in=by_institution, is_active=True).exclude(email="")
    addresses = sorted(set(users.values_list("institution_id", "email")))
    return [
        Mail(reminder=by_institution[institution], address=address, key=uuid4(), next_at=now)
        for institution, address in addresses
    ]


def declined(topic: str) -> set[int]:
    """Primary keys of the institutions that do not want to be reminded of it."""
    last = {}
    for institution, is_declined in (
        Choice.objects.filter(topic=topic).order_by("pk").values_list("institution_id", "is_declined")
    ):
        last[institution] = is_declined
    return {institution for institution, is_declined in last.items() if is_declined}


@transaction.atomic
def choose(user: User, topic: str, *, is_declined: bool, now: datetime) -> None:
    """Decline a topic for the user's institution, or take that back. Raises PermissionDenied where it cannot be."""
    if user.institution is None or topic not in topics() or not topics()[topic].may_be_declined:
        raise PermissionDenied
    Choice.objects.create(institution=user.institution, topic=topic, is_declined=is_declined, user=user, at=now)
    chain.record(
        at=now,
        actor=user.username,
        action="reminders.declined" if is_declined else "reminders.wanted",
        subject=f"topic {topic}",
        institution=user.institution.code,
    )


def opened(institution: Institution, now: datetime) -> None:
    """Somebody of the institution has its reminders on the screen."""
    new = Reminder.objects.filter(institution=institution, opening=None)
    Opening.objects.bulk_create([Opening(reminder=each, at=now) for each in new], ignore_conflicts=True)
