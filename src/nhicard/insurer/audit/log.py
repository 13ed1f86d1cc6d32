"""Reading the audit log: who may see which entries, filters, pages that stay put while entries are added."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final

from django.db.models import QuerySet

from nhicard.insurer.accounts.models import Role, User
from nhicard.insurer.accounts.rights import visible
from nhicard.insurer.audit.models import Entry

PAGE: Final = 50
#: The columns of the CSV file, named as the model names them.
COLUMNS: Final = ("number", "at", "actor", "role", "action", "subject", "institution", "facts", "seal")
_ALL: Final = (Role.HEADQUARTERS, Role.AUDITOR)


@dataclass(frozen=True, slots=True)
class Filters:
    """What is looked for; empty where it does not matter. ``since`` and ``until`` are days, both included."""

    since: date | None = None
    until: date | None = None
    action: str = ""
    actor: str = ""
    subject: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """Entries, the newest first. ``older``: the number before which the next page begins; None at the end."""

    entries: list[Entry]
    older: int | None


def seen_by(user: User) -> QuerySet[Entry]:
    """The entries that the user may see: all, or those about the institutions that the user may look at."""
    if user.role in _ALL:
        return Entry.objects.all()
    return Entry.objects.filter(institution__in=visible(user).values("code"))


def found(entries: QuerySet[Entry], filters: Filters) -> QuerySet[Entry]:
    """The entries that fit; an action may be given by its beginning, a subject by any part."""
    if filters.since:
        entries = entries.filter(at__gte=datetime.combine(filters.since, time.min))
    if filters.until:
        entries = entries.filter(at__lt=datetime.combine(filters.until, time.min) + timedelta(days=1))
    if filters.action:
        entries = entries.filter(action__startswith=filters.action)
    if filters.actor:
        entries = entries.filter(actor=filters.actor)
    if filters.subject:
        entries = entries.filter(subject__contains=filters.subject)
    return entries


def page(entries: QuerySet[Entry], before: int | None, size: int = PAGE) -> Page:
    """The newest entries with a number below ``before``."""
    if before is not None:
        entries = entries.filter(number__lt=before)
    shown = list(entries.order_by("-number")[: size + 1])
    return Page(shown[:size], shown[size - 1].number if len(shown) > size else None)


def rows(entries: QuerySet[Entry]) -> Iterator[tuple[object, ...]]:
    """The table as CSV has it, the oldest first, a cell that a spreadsheet would take for a formula made harmless."""
    yield COLUMNS
    for entry in entries.order_by("number").iterator(chunk_size=2000):
        yield tuple(_harmless(getattr(entry, name)) for name in COLUMNS)


def _harmless(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value
