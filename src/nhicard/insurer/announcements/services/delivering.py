"""Messages that carry announcements outside the portal: planned once, tried until they are through or refused."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import uuid4

from django.conf import settings
from django.db import connection, transaction
from django.urls import reverse

from nhicard.insurer.announcements.channels.channel import Channel, Message, NotNow, Refused
from nhicard.insurer.announcements.models import Announcement, Delivery

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
                counts[_tried(delivery, by_name[delivery.channel], now)] += 1
    return counts


def message_of(announcement: Announcement) -> Message:
    """An announcement as it goes out."""
    page = reverse("announcements:detail", args=[announcement.pk])
    return Message(announcement.title, announcement.body, settings.PUBLIC_URL.rstrip("/") + page)


def _tried(delivery: Delivery, channel: Channel, now: datetime) -> str:
    delivery.tries += 1
    outcome = "sent"
    try:
        channel.send(delivery.address, message_of(delivery.announcement), delivery.key)
        delivery.state, delivery.sent_at, delivery.trouble = Delivery.State.SENT, now, ""
    except NotNow as error:
        delivery.trouble, outcome = str(error)[:100], "waiting"
        delivery.next_at = now + _FIRST_PAUSE * 2 ** (delivery.tries - 1)
        if delivery.tries >= _TRIES:
            delivery.state, outcome = Delivery.State.FAILED, "failed"
    except Refused as error:
        delivery.state, delivery.trouble, outcome = Delivery.State.FAILED, str(error)[:100], "failed"
    delivery.save()
    if outcome != "sent":
        _log.warning("announcement %d by %s: %s", delivery.announcement_id, delivery.channel, delivery.trouble)
    return outcome
