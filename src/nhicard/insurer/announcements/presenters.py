"""Announcements, LINE groups and deliveries as the pages show them, in the language of the request."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from django.db.models import Count

from nhicard.insurer.announcements.models import Announcement, Delivery, LineAudience
from nhicard.insurer.announcements.services import line_groups
from nhicard.insurer.announcements.services.audience import Segment, segments
from nhicard.insurer.monitoring.presenting import moment_text
from nhicard.insurer.portal.texts import text, texts

State = Delivery.State
_MARKS: Final = {State.PENDING: "…", State.SENT: "✓", State.FAILED: "✕"}
_LINE_MARKS: Final = {"READY": "✓", "FAILED": "✕", "EXPIRED": "✕"}


def audience_of(announcement: Announcement) -> str:
    """Whom it is for, e.g. 北區業務組 ・ 診所、藥局."""
    parts = (
        [text(f"division.{each}") for each in announcement.divisions],
        [text(f"announcements.kind.{each}") for each in announcement.kinds],
        [text(f"announcements.specialty.{each}") for each in announcement.specialties],
    )
    comma = text("announcements.comma")
    return " ・ ".join(comma.join(part) for part in parts if part) or text("announcements.everyone")


def segment_name(segment: Segment) -> str:
    """The segment in words; also the name that its group gets at LINE."""
    division, kind, specialty = segment
    parts = (
        text(f"division.{division}") if division else "",
        text(f"announcements.kind.{kind}") if kind else "",
        text(f"announcements.specialty.{specialty}") if specialty else "",
    )
    return " ・ ".join(filter(None, parts)) or text("announcements.everyone")


@dataclass(frozen=True, slots=True)
class Group:
    """A LINE group in the list."""

    number: int
    group: str
    name: str
    institutions: int
    members: str
    mark: str
    status: str
    asked_at: str


def groups(rows: Iterable[LineAudience]) -> list[Group]:
    """LINE groups; ``institutions`` is how many the register has in the segment."""
    return [_group(row) for row in rows]


def _group(row: LineAudience) -> Group:
    segment = Segment(row.division, row.kind, row.specialty)
    key = f"announcements.line.status.{row.status}"
    return Group(
        number=row.pk,
        group=str(row.group),
        name=segment_name(segment),
        institutions=segment.institutions.count(),
        members="–" if row.members is None else f"{row.members:,}",
        mark=_LINE_MARKS.get(row.status, "…"),
        status=text(key) if key in texts() else row.status,
        asked_at=moment_text(row.asked_at),
    )


@dataclass(frozen=True, slots=True)
class Tally:
    """An announcement with how many of its messages stand how."""

    number: int
    title: str
    day: str
    audience: str
    pending: int
    sent: int
    failed: int


def tallies(announcements: Iterable[Announcement]) -> list[Tally]:
    """Announcements with their messages counted."""
    found = list(announcements)
    counted: dict[tuple[int, str], int] = {
        (each["announcement"], each["state"]): each["count"]
        for each in Delivery.objects.filter(announcement__in=found)
        .values("announcement", "state")
        .annotate(count=Count("pk"))
    }
    return [
        Tally(
            each.pk,
            each.title,
            moment_text(each.published_at),
            audience_of(each),
            *(counted.get((each.pk, state), 0) for state in (State.PENDING, State.SENT, State.FAILED)),
        )
        for each in found
    ]


@dataclass(frozen=True, slots=True)
class Message:
    """One message of an announcement."""

    channel: str
    address: str
    state: str
    state_name: str
    mark: str
    tries: int
    at: str
    trouble: str


def messages(rows: Iterable[Delivery], announcement: Announcement) -> Iterator[Message]:
    """Deliveries; LINE groups by the name of their segment, e-mail addresses without the person."""
    of_group = {str(group): segment_name(each) for each, group in line_groups.of(announcement).items() if group}
    for row in rows:
        yield Message(
            channel=text(f"announcements.channel.{row.channel}"),
            address=_address(row, of_group),
            state=row.state,
            state_name=text(f"announcements.state.{row.state}"),
            mark=_MARKS[State(row.state)],
            tries=row.tries,
            at=moment_text(row.sent_at or row.next_at) if row.state != State.FAILED else "",
            trouble=row.trouble,
        )


def without_group(announcement: Announcement) -> list[str]:
    """The segments of its audience that LINE does not reach. What is for everybody is broadcast and needs no group."""
    if segments(announcement) == [Segment(None, "", "")]:
        return []
    return [segment_name(each) for each, group in line_groups.of(announcement).items() if not group]


def _address(row: Delivery, of_group: Mapping[str, str]) -> str:
    if row.channel != line_groups.LINE:
        person, _, place = row.address.rpartition("@")
        return f"{person[:1]}…@{place}"
    return of_group.get(row.address, text("announcements.everyone") if not row.address.isdigit() else row.address)
