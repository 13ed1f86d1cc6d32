"""Messages that carry announcements outside the portal: planned once, tried until they are through or refused."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Final
from uuid import UUID, uuid4

from django.conf import settings
from django.db import connection, transaction
from django.urls import reverse

from nhicard.insurer.announcements.channels.channel import Channel, Message, NotNow, Refused
from nhicard.insurer.announcements.models import Announcement, Delivery

if TYPE_CHECKING:
    from nhicard.insurer.reminders.models import Mail

_TRIES: Final = 8
_FIRST_PAUSE: Final = timedelta(minutes=1)
_log = logging.getLogger("nhicard.announcements")


def plan(announcement: Announcement, channels: Sequence[Channel], now: datetime) -> int:
    """A delivery for everybody whom the channels must tell; how many are new."""
    planned = [
        Delivery(announcement=announcement, channel=channel.name, address=address, key=uuid4(), next_at=now)
        for channel in channels
        for address in channel.addresses(announcement)
    ]
    before = announcement.deliveries.count()
    Delivery.objects.bulk_create(planned, ignore_conflicts=True)
    return announcement.deliveries.count() - before


def deliver(channels: Sequence[Channel], now: datetime) -> dict[str, int]:
    """Try every delivery that is due, each in its own transaction; how many are sent, waiting, failed."""
    counts = {"sent": 0, "waiting": 0, "failed": 0}
    by_name = {channel.name: channel for channel in channels}
    due = Delivery.objects.filter(state=Delivery.State.PENDING, next_at__lte=now, channel__in=by_name)
    for number in list(due.order_by("pk").values_list("pk", flat=True)):
        with transaction.atomic():
            rows = Delivery.objects.filter(pk=number, state=Delivery.State.PENDING).select_related("announcement")
            if connection.features.has_select_for_update_skip_locked:
                rows = rows.select_for_update(skip_locked=True, of=("self",))
            if delivery := rows.first():
                send = partial(by_name[delivery.channel].send, delivery.address, message_of(delivery.announcement))
                counts[tried(delivery, send, now)] += 1
    return counts


def try_again(announcement: Announcement, now: datetime) -> int:
    """Let what failed be tried anew, as often as at first and under the same key; how many."""
    failed = announcement.deliveries.filter(state=Delivery.State.FAILED)
    return failed.update(state=Delivery.State.PENDING, tries=0, next_at=now, trouble="")


def message_of(announcement: Announcement) -> Message:
    """An announcement as it goes out."""
    page = reverse("announcements:detail", args=[announcement.pk])
    return Message(announcement.title, announcement.body, settings.PUBLIC_URL.rstrip("/") + page)


def tried(delivery: Delivery | Mail, send: Callable[[UUID], None], now: datetime) -> str:
    """One try of a message; sent, waiting or failed. What waits is tried again after ever longer pauses."""
    delivery.tries += 1
    outcome = "sent"
    try:
        send(delivery.key)
        delivery.state, delivery.sent_at, delivery.trouble = delivery.State.SENT, now, ""
    except NotNow as error:
        delivery.trouble, outcome = str(error)[:100], "waiting"
        delivery.next_at = now + _FIRST_PAUSE * 2 ** (delivery.tries - 1)
        if delivery.tries >= _TRIES:
            delivery.state, outcome = delivery.State.FAILED, "failed"
    except Refused as error:
        delivery.state, delivery.trouble, outcome = delivery.State.FAILED, str(error)[:100], "failed"
    delivery.save()
    if outcome != "sent":
        _log.warning("%s %d: %s", type(delivery).__name__.lower(), delivery.pk, delivery.trouble)
    return outcome
