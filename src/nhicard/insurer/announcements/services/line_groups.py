"""Which audience group of the LINE account is whose: added, asked after, removed; every change is audited."""

from __future__ import annotations

from datetime import datetime
from typing import Final, Protocol

from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from nhicard.insurer.accounts.models import User
from nhicard.insurer.announcements.models import Announcement, Delivery, LineAudience
from nhicard.insurer.announcements.services.audience import Segment, segments
from nhicard.insurer.audit import chain

#: The channel's name in the table of deliveries.
LINE: Final = "line"


class Unusable(ValueError):
    """It cannot be done; ``args[0]`` is the name of the text that says why."""


class Standing(Protocol):
    """What LINE says of a group."""

    @property
    def members(self) -> int: ...
    @property
    def status(self) -> str: ...


class Account(Protocol):
    """The groups of the account; every call raises NotNow, Refused (``channels.channel``)."""

    def create(self, name: str) -> int: ...
    def look(self, group: int) -> Standing: ...
    def delete(self, group: int) -> None: ...


def of(announcement: Announcement) -> dict[Segment, int | None]:
    """The segments of its audience with their groups; None where there is none."""
    known = {Segment(each.division, each.kind, each.specialty): each.group for each in LineAudience.objects.all()}
    return {each: known.get(each) for each in segments(announcement)}


def visible(user: User) -> QuerySet[LineAudience]:
    """Those that the user manages: a division its own, headquarters all."""
    found = LineAudience.objects.order_by("division", "kind", "specialty")
    return found.filter(division=user.division) if user.division is not None else found


def add(segment: Segment, group: int | None, name: str, user: User, now: datetime, account: Account) -> LineAudience:
    """The segment's group: one that the account has, or a new one of this name.

    Raises Unusable where the segment has one already, NotNow and Refused where LINE does not play along.
    """
    if LineAudience.objects.filter(**segment._asdict()).exists():
        raise Unusable("announcements.line.known")
    is_ours = group is None
    number = account.create(name) if group is None else group
    standing = account.look(number)
    row = LineAudience(
        **segment._asdict(),
        group=number,
        is_ours=is_ours,
        members=standing.members,
        status=standing.status,
        asked_at=now.replace(microsecond=0),
    )
    try:
        with transaction.atomic():
            row.save()
            _tell("added", row, user, now)
    except IntegrityError:  # somebody was faster
        if is_ours:
            account.delete(number)
        raise Unusable("announcements.line.known") from None
    return row


def ask_again(rows: QuerySet[LineAudience], now: datetime, account: Account) -> int:
    """Ask LINE how each stands; how many. Raises NotNow, Refused; what was heard until then is kept."""
    asked = 0
    for row in rows:
        standing = account.look(row.group)
        row.members, row.status, row.asked_at = standing.members, standing.status, now.replace(microsecond=0)
        row.save(update_fields=["members", "status", "asked_at"])
        asked += 1
    return asked


def remove(row: LineAudience, user: User, now: datetime, account: Account | None) -> None:
    """Take it off the table; a group that was made from here is deleted at LINE too.

    Raises Unusable while messages to it wait, or where it would have to be deleted at a LINE that is not set up.
    """
    waiting = Delivery.objects.filter(channel=LINE, address=str(row.group), state=Delivery.State.PENDING)
    if waiting.exists():
        raise Unusable("announcements.line.waiting")
    if row.is_ours:
        if account is None:
            raise Unusable("announcements.line.off")
        account.delete(row.group)
    with transaction.atomic():
        _tell("removed", row, user, now)
        row.delete()


def _tell(what: str, row: LineAudience, user: User, now: datetime) -> None:
    chain.record(
        at=now,
        actor=user.username,
        role=user.role,
        action=f"line-audience.{what}",
        subject=f"LINE audience {row.group}",
        facts={"division": row.division, "kind": row.kind, "specialty": row.specialty},
    )
