"""Publishing an announcement, and noting who opened it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet

from nhicard.insurer.accounts.models import Role, User
from nhicard.insurer.announcements.models import Announcement, File, Reading, Section
from nhicard.insurer.audit import chain

MOST_FILES: Final = 5
LARGEST_FILE: Final = 10 * 1024 * 1024
#: By the first bytes of the content, whatever the name says.
KINDS_OF_FILE: Final = {
    b"%PDF-": "application/pdf",
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"PK\x03\x04": "application/zip",
}


class UnusableFile(ValueError):
    """The file cannot be published; ``args[0]`` is the name of the text that says why."""


@dataclass(frozen=True, slots=True)
class Draft:
    """What an author wrote."""

    section: Section
    title: str
    body: str
    divisions: Sequence[int] = ()
    kinds: Sequence[str] = ()
    specialties: Sequence[str] = ()
    is_public: bool = False
    expires_on: date | None = None
    files: Sequence[tuple[str, bytes]] = ()
    replaces: Announcement | None = None


@transaction.atomic
def publish(draft: Draft, author: User, now: datetime) -> Announcement:
    """Publish it at once. A division writes to its own institutions only. Raises PermissionDenied, UnusableFile."""
    divisions = list(draft.divisions)
    if author.division is not None:
        if divisions not in ([], [author.division]):
            raise PermissionDenied
        divisions = [author.division]
    elif author.role != Role.HEADQUARTERS:
        raise PermissionDenied
    announcement = Announcement.objects.create(
        section=draft.section,
        title=draft.title,
        body=draft.body,
        divisions=divisions,
        kinds=list(draft.kinds),
        specialties=list(draft.specialties),
        is_public=draft.is_public,
        author=author,
        published_at=now.replace(microsecond=0),
        expires_on=draft.expires_on,
        replaces=draft.replaces,
    )
    for name, content in draft.files:
        kind = require_usable(name, content)
        File.objects.create(announcement=announcement, name=name, content_type=kind, size=len(content), content=content)
    chain.record(
        at=now,
        actor=author.username,
        role=author.role,
        action="announcement.published",
        subject=f"announcement {announcement.pk}",
        facts={
            "divisions": divisions,
            "kinds": list(draft.kinds),
            "specialties": list(draft.specialties),
            "files": len(draft.files),
        },
    )
    return announcement


def require_usable(name: str, content: bytes) -> str:
    """The kind of a file that may be published. Raises UnusableFile."""
    if len(content) > LARGEST_FILE:
        raise UnusableFile("announcements.error.large")
    if any(character in name for character in '/\\\0"\r\n') or name.startswith("."):
        raise UnusableFile("announcements.error.name")
    for magic, kind in KINDS_OF_FILE.items():
        if content.startswith(magic):
            return kind
    raise UnusableFile("announcements.error.kind")


def note_reading(announcement: Announcement, user: User, now: datetime) -> None:
    """Keep the first time that a user of an institution opened it."""
    if user.institution is not None:
        Reading.objects.get_or_create(
            announcement=announcement, user=user, defaults={"institution": user.institution, "at": now}
        )


def published_by(author: User) -> QuerySet[Announcement]:
    """Those whose messages the user looks after: a division its own, headquarters all; the newest first."""
    found = Announcement.objects.order_by("-published_at", "-pk")
    return found.filter(author__division=author.division) if author.division is not None else found
