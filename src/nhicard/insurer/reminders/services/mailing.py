"""The e-mails that carry reminders."""

from __future__ import annotations

from datetime import datetime
from functools import partial

from django.conf import settings
from django.db import connection, transaction

from nhicard.insurer.announcements.channels.channel import Message
from nhicard.insurer.announcements.channels.email import EmailChannel
from nhicard.insurer.announcements.services.delivering import tried
from nhicard.insurer.reminders.models import Mail, Reminder


def deliver(channel: EmailChannel, now: datetime) -> dict[str, int]:
    """Try every mail that is due, each in its own transaction; how many are sent, waiting, failed."""
    counts = {"sent": 0, "waiting": 0, "failed": 0}
    due = Mail.objects.filter(state=Mail.State.PENDING, next_at__lte=now)
    for number in list(due.order_by("pk").values_list("pk", flat=True)):
        with transaction.atomic():
            rows = Mail.objects.filter(pk=number, state=Mail.State.PENDING).select_related("reminder")
            if connection.features.has_select_for_update_skip_locked:
                rows = rows.select_for_update(skip_locked=True, of=("self",))
            if mail := rows.first():
                counts[tried(mail, partial(channel.send, mail.address, message_of(mail.reminder)), now)] += 1
    return counts


def message_of(reminder: Reminder) -> Message:
    """A reminder as it goes out: both languages, and the page where it can be seen to."""
    link = settings.PUBLIC_URL.rstrip("/") + (reminder.link or "/portal/reminders/")
    text = f"{reminder.body_zh}\n\n{reminder.title_en}\n{reminder.body_en}"
    return Message(reminder.title_zh, text, link)
