"""E-mail to the users of the institutions that an announcement is for."""

from __future__ import annotations

import smtplib
from collections.abc import Sequence
from email.utils import make_msgid
from uuid import UUID

from django.core.mail import EmailMessage

from nhicard.insurer.accounts.models import User
from nhicard.insurer.announcements.channels.channel import Message, NotNow, Refused
from nhicard.insurer.announcements.models import Announcement
from nhicard.insurer.announcements.services import audience


class EmailChannel:
    """``sender``: the address that it comes from."""

    name = "email"

    def __init__(self, sender: str) -> None:
        self._sender = sender

    def addresses(self, announcement: Announcement) -> Sequence[str]:
        """Every active user's address, once."""
        users = User.objects.filter(institution__in=audience.recipients(announcement), is_active=True)
        return sorted(set(users.exclude(email="").values_list("email", flat=True)))

    def send(self, address: str, message: Message, key: UUID) -> None:
        mail = EmailMessage(
            subject=message.subject,
            body=f"{message.text}\n\n{message.link}",
            from_email=self._sender,
            to=[address],
            # the same at every try, so that a mail program shows one
            headers={"Message-ID": make_msgid(idstring=key.hex, domain=self._sender.rpartition("@")[2])},
        )
        try:
            mail.send()
        except smtplib.SMTPRecipientsRefused:
            raise Refused("SMTPRecipientsRefused") from None
        except OSError as error:
            raise NotNow(type(error).__name__) from None
