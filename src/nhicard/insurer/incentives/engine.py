"""From dated events to entitlements: pure, and the same again for every earlier day.

An event counts as of a day if it had happened and was on record by the end of that day. The order in which events
arrive does not matter, nor does one that arrives twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Final

from nhicard.insurer.incentives.kinds import rank
from nhicard.insurer.incentives.scheme import Item, Scheme


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to an institution. ``kind``: data/event_kinds.csv, before the colon.

    ``detail``: what the kind tells apart (the claim format). ``evidence``: the record it rests on. ``place``: its place
    among the events of the same day, where that matters.
    """

    institution: str
    kind: str
    happened_on: date
    recorded_at: datetime
    detail: str = ""
    evidence: str = ""
    place: int = 0

    @property
    def key(self) -> tuple[Any, ...]:
        """What events are put in order by: everything, so that the order is always the same."""
        return (
            *(self.happened_on, self.place, rank(self.kind), self.recorded_at),
            *(self.institution, self.kind, self.detail, self.evidence),
        )

    def is_step(self, step: str) -> bool:
        """Whether this is the step, written ``kind`` or ``kind:detail``."""
        kind, _, detail = step.partition(":")
        return self.kind == kind and (not detail or self.detail == detail)


@dataclass(frozen=True, slots=True)
class Facts:
    """An institution. ``kind`` as in the register; of other kinds than the scheme names nothing can be earned."""

    code: str
    kind: str
    division: int | None = None


class State(StrEnum):
    """How an item stands. The first four are of items with points, the others of progress codes."""

    EARNED = "earned"
    LOST = "lost"
    OPEN = "open"
    CLOSED = "closed"
    REACHED = "reached"
    AHEAD = "ahead"


#: In these an item is listed in open data.
HELD: Final = frozenset({State.EARNED, State.REACHED})


@dataclass(frozen=True, slots=True)
class Reason:
    """A sentence by its name (data/reasons.csv) and what stands in it: days, numbers, names of steps."""

    name: str
    values: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Entitlement:
    """One item of one institution as of a day. ``points`` are what the ceiling leaves; ``missing``: steps to take."""

    institution: str
    item: str
    state: State
    points: int
    reasons: tuple[Reason, ...]
    evidence: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


def entitlements(events: Iterable[Event], facts: Facts, scheme: Scheme, as_of: date) -> tuple[Entitlement, ...]:
    """Every item that institutions of this kind can have, in the scheme's order."""
    known = sorted(
        {
            event
            for event in events
            if event.institution == facts.code and event.happened_on <= as_of and event.recorded_at.date() <= as_of
        },
        key=lambda event: event.key,
    )
    found, left = [], scheme.ceilings.get(facts.kind, 0)
    for item in scheme.items:
        if facts.kind in item.earned_by:
            each = _entitlement(_Way(item, item.earned_by[facts.kind]).walked(known), facts, scheme, as_of)
            each = _within(each, left, scheme.ceilings[facts.kind])
            left -= each.points
            found.append(each)
    return tuple(found)


def listed(found: Sequence[Entitlement], scheme: Scheme) -> list[Entitlement]:
    """Those that open data prints, sorted by code."""
    held = [each for each in found if each.state in HELD]
    if not scheme.assumes("progress_codes_add_up"):
        items = {each.item: scheme.item(each.item) for each in held}
        furthest: dict[str, int] = {}
        for item in items.values():
            furthest[item.track] = max(furthest.get(item.track, 0), item.stage)
        held = [each for each in held if not (own := items[each.item]).track or own.stage == furthest[own.track]]
    return sorted(held, key=lambda each: each.item)


@dataclass(slots=True)
class _Way:
    """The way of one institution to one item."""

    item: Item
    steps: tuple[str, ...]
    standing: dict[str, Event] = field(default_factory=dict)
    earned: tuple[Event, ...] = ()
    lost: Event | None = None
    outside: dict[str, Event] = field(default_factory=dict)

    def walked(self, events: Iterable[Event]) -> _Way:
        """The way behind these events."""
        concerned = self.item.concerned
        for event in events:
            if event.kind in concerned:
                self._take(event)
        return self

    @property
    def missing(self) -> tuple[str, ...]:
        """Steps that do not stand."""
        return tuple(step for step in self.steps if step not in self.standing)

    def _take(self, event: Event) -> None:
        loss = self.item.lost_by
        if loss and self.earned and event.kind == loss.event and loss.covers(event.happened_on):
            self.earned, self.lost = (), event
        for step in self.item.ended_by.get(event.kind, ()):
            self.standing.pop(step, None)
            self.outside.pop(step, None)
        if self.earned or (self.lost and not (loss and loss.again)):
            return
        step = next((step for step in self.steps if step not in self.standing), "")  # they are taken in their order
        if not step or not event.is_step(step):
            return
        if self.item.window.is_early(event.happened_on) or self.item.window.is_late(event.happened_on):
            self.outside.setdefault(step, event)
            return
        self.standing[step] = event
        self.outside.pop(step, None)
        if self.item.points and not self.missing:
            self.earned, self.lost = tuple(self.standing[each] for each in self.steps), None


def _entitlement(way: _Way, facts: Facts, scheme: Scheme, as_of: date) -> Entitlement:
    item = way.item
    if not item.points:
        return _progress(way, facts)
    begin = (_reason("begin_unknown", announcement=_announcement(scheme, item)),) if item.window.unset else ()
    if way.earned:
        told: list[Reason] = [_done("earned", way.earned[-1])]
        if item.lost_by and item.lost_by.covers(as_of):
            told.append(_reason("may_be_lost", before=item.lost_by.before))
        evidence = tuple(event.evidence for event in way.earned if event.evidence)
        return Entitlement(facts.code, item.code, State.EARNED, item.points, (*told, *begin), evidence)
    is_over = item.window.is_late(as_of)
    # a step taken too late is told once the window is over, one taken too early at once
    outside = [_outside(step, event, item) for step, event in way.outside.items()]
    if way.lost and item.lost_by and (is_over or not item.lost_by.again):
        lost = _reason("lost", day=way.lost.happened_on, before=item.lost_by.before)
        return Entitlement(facts.code, item.code, State.LOST, 0, (lost, *outside), _evidence([way.lost]))
    missing, standing = way.missing, list(way.standing.values())
    if is_over:
        closed = _reason("closed", until=item.window.last, missing=missing)
        evidence = _evidence([*standing, *way.outside.values()])
        return Entitlement(facts.code, item.code, State.CLOSED, 0, (closed, *outside, *begin), evidence)
    told = [_reason("lost", day=way.lost.happened_on, before=item.lost_by.before)] if way.lost and item.lost_by else []
    told += [*outside, _reason("open", missing=missing)]
    if item.window.is_early(as_of):
        told.append(_reason("not_begun", begin=item.window.first))
    if item.window.last:
        told.append(_reason("until", until=item.window.last))
    evidence = _evidence([*([way.lost] if way.lost else []), *standing, *way.outside.values()])
    return Entitlement(facts.code, item.code, State.OPEN, 0, (*told, *begin), evidence, missing)


def _progress(way: _Way, facts: Facts) -> Entitlement:
    if way.missing:
        reason = _reason("ahead", missing=way.missing)
        return Entitlement(facts.code, way.item.code, State.AHEAD, 0, (reason,), missing=way.missing)
    events = [way.standing[step] for step in way.steps]
    return Entitlement(facts.code, way.item.code, State.REACHED, 0, (_done("reached", events[-1]),), _evidence(events))


def _within(each: Entitlement, left: int, ceiling: int) -> Entitlement:
    """The entitlement, cut to what the ceiling leaves."""
    if each.points <= left:
        return each
    cut = _reason("ceiling", ceiling=ceiling, points=left)
    return Entitlement(each.institution, each.item, each.state, left, (*each.reasons, cut), each.evidence, each.missing)


def _outside(step: str, event: Event, item: Item) -> Reason:
    if item.window.is_early(event.happened_on):
        return _reason("early", day=event.happened_on, step=step, begin=item.window.first)
    return _reason("late", day=event.happened_on, step=step, until=item.window.last)


def _done(name: str, event: Event) -> Reason:
    return _reason(name, day=event.happened_on, step=f"{event.kind}:{event.detail}" if event.detail else event.kind)


def _announcement(scheme: Scheme, item: Item) -> tuple[str, str]:
    """Chinese and English name of the announcement that the window should begin from."""
    row = scheme.document["announcements"][item.window.unset]
    return row["name_zh"], row["name_en"]


def _evidence(events: Iterable[Event]) -> tuple[str, ...]:
    return tuple(event.evidence for event in events if event.evidence)


def _reason(name: str, **values: Any) -> Reason:
    return Reason(name, tuple(values.items()))
