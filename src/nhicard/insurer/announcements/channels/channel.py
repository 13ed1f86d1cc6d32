"""What every way out of the portal offers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from nhicard.insurer.announcements.models import Announcement


class NotNow(Exception):
    """The message may come through later; try again with the same key."""


class Refused(Exception):
    """The message will never come through as it is."""


@dataclass(frozen=True, slots=True)
class Message:
    """An announcement as it goes out: subject, text, and the address of its page."""

    subject: str
    text: str
    link: str


class Channel(Protocol):
    """One way. ``name`` stands in the table of deliveries."""

    name: str

    def addresses(self, announcement: Announcement) -> Sequence[str]:
        """Whom it must tell so that everybody it is for is reached."""

    def send(self, address: str, message: Message, key: UUID) -> None:
        """Tell one of them; the same key is the same message. Raises NotNow, Refused."""
