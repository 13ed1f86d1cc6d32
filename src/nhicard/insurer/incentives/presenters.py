"""What the templates show of entitlements and settlements, in the language of the request."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from django.urls import NoReverseMatch, reverse
from django.utils.translation import get_language

from nhicard.insurer.incentives.engine import Entitlement, State
from nhicard.insurer.incentives.kinds import day_text, sentences, todo
from nhicard.insurer.incentives.models import Line, Settlement
from nhicard.insurer.incentives.scheme import Item, Scheme
from nhicard.insurer.portal.texts import text
from nhicard.insurer.registry.models import Institution

MARKS: Final[Mapping[str, str]] = {
    State.EARNED: "✓",
    State.REACHED: "✓",
    State.OPEN: "○",
    State.AHEAD: "○",
    State.LOST: "✕",
    State.CLOSED: "－",
}
#: Where what evidence names can be looked at: a URL name and its arguments.
_PAGES: Final[tuple[tuple[str, str, str, Callable[[str, str], dict[str, Any]]], ...]] = (
    (r"case (\d+)", "case", "applications:case", lambda _, number: {"number": number}),
    (
        r"qualification (\d+)",
        "qualification",
        "monitoring:evidence",
        lambda code, number: {"code": code, "number": number},
    ),
    (r"edition change (\d+)", "edition", "", lambda _, __: {}),
    (r"qr-image (\d+)", "image", "prescriptions:detail", lambda _, number: {"number": number}),
    (r"dispensing (\S+)", "dispensing", "", lambda _, __: {}),
)


def is_english() -> bool:
    """Whether the request is answered in English."""
    return (get_language() or "").startswith("en")


def number(told: int) -> str:
    """Points and counts, thousands apart."""
    return f"{told:,}"


def item_name(item: Item) -> str:
    """The item's name."""
    return item.name_en if is_english() else item.name_zh


def day(told: date) -> str:
    """A day as the reader writes it."""
    return day_text(told, english=is_english())


@dataclass(frozen=True, slots=True)
class Evidence:
    """What an item rests on; ``address`` empty where there is no page of it."""

    told: str
    address: str


@dataclass(frozen=True, slots=True)
class Row:
    """An item of an institution."""

    code: str
    name: str
    points: str
    of_points: str
    state: str
    state_name: str
    mark: str
    reason: str
    evidence: tuple[Evidence, ...]
    source: str


def rows(found: Sequence[Entitlement], scheme: Scheme) -> list[Row]:
    """The items in the scheme's order."""
    return [_row(each, scheme.item(each.item)) for each in found]


def _row(each: Entitlement, item: Item) -> Row:
    return Row(
        code=item.code,
        name=item_name(item),
        points=number(each.points),
        of_points=number(item.points) if item.points else "",
        state=each.state,
        state_name=text(f"incentives.state.{each.state}"),
        mark=MARKS[each.state],
        reason=sentences(each.reasons, english=is_english()),
        evidence=tuple(evidence(each.institution, told) for told in each.evidence),
        source=text("incentives.source", source=item.source_en if is_english() else item.source_zh),
    )


def evidence(institution: str, told: str) -> Evidence:
    """A reference in words, with the page that shows it; one that is not known as it was given."""
    for form, name, page, arguments in _PAGES:
        if found := re.fullmatch(form, told):
            words = text(f"incentives.evidence.{name}", number=found[1])
            return Evidence(words, _address(page, arguments(institution, found[1])))
    return Evidence(told, "")


def _address(page: str, arguments: dict[str, Any]) -> str:
    try:
        return reverse(page, kwargs=arguments) if page else ""
    except NoReverseMatch:  # an app that is not installed here
        return ""


def next_steps(found: Sequence[Entitlement], scheme: Scheme) -> list[tuple[str, str, str, str]]:
    """Code, name and points of what can still be earned, and what to do for it; the most points first."""
    reached = {each.item for each in found if each.state == State.REACHED}
    standing = frozenset(step for code in reached for steps in scheme.item(code).earned_by.values() for step in steps)
    still = [each for each in found if each.state == State.OPEN]
    still.sort(key=lambda each: (-scheme.item(each.item).points, each.item))
    return [
        (item.code, item_name(item), number(item.points), todo(each.missing, standing, english=is_english()))
        for each in still
        for item in [scheme.item(each.item)]
    ]


@dataclass(frozen=True, slots=True)
class Listed:
    """An institution in a list: a mark and a word for each item with points, in the scheme's order."""

    code: str
    name: str
    kind: str
    marks: tuple[tuple[str, str, str], ...]
    points: str


def listed(
    institutions: Iterable[Institution], found: Mapping[str, Sequence[Entitlement]], scheme: Scheme
) -> list[Listed]:
    """The institutions with their items."""
    return [_listed(each, found[each.code], scheme) for each in institutions]


def _listed(institution: Institution, found: Sequence[Entitlement], scheme: Scheme) -> Listed:
    states = {each.item: each.state for each in found}
    marks = tuple(
        (MARKS.get(state, ""), state, text(f"incentives.state.{state}") if state else "")
        for item in scheme.items
        if item.points
        for state in [states.get(item.code, "")]
    )
    return Listed(
        institution.code,
        institution.short_name,
        text(f"incentives.kind.{institution.kind}"),
        marks,
        number(sum(each.points for each in found)),
    )


@dataclass(frozen=True, slots=True)
class Total:
    """An item over many institutions."""

    code: str
    name: str
    count: str
    points: str


def totals(found: Iterable[Sequence[Entitlement]], scheme: Scheme) -> list[Total]:
    """By item: how many hold it, and their points."""
    counts = dict.fromkeys(scheme.codes, 0)
    points = dict.fromkeys(scheme.codes, 0)
    for items in found:
        for each in items:
            counts[each.item] += each.state in (State.EARNED, State.REACHED)
            points[each.item] += each.points
    return [
        Total(
            item.code,
            item_name(item),
            number(counts[item.code]),
            number(points[item.code]) if item.points else "",
        )
        for item in scheme.items
    ]


@dataclass(frozen=True, slots=True)
class Settled:
    """A settlement in a list."""

    pk: int
    number: str
    division: str
    as_of: str
    made_at: str
    lines: str
    points: str


def settlements(found: Iterable[Settlement], sums: Mapping[int, tuple[int, int]]) -> list[Settled]:
    """Settlements with how many lines each has and what they amount to."""
    return [
        Settled(
            each.pk,
            str(each),
            text(f"division.{each.division}"),
            day(each.as_of),
            f"{day(each.made_at.date())} {each.made_at:%H:%M}",
            number(sums.get(each.pk, (0, 0))[0]),
            f"{sums.get(each.pk, (0, 0))[1]:+,}",
        )
        for each in found
    ]


@dataclass(frozen=True, slots=True)
class Lined:
    """A line of a settlement."""

    settlement: str
    as_of: str
    institution: str
    name: str
    item: str
    entitled: str
    before: str
    difference: str


def lines(found: Iterable[Line], names: Mapping[str, str]) -> list[Lined]:
    """Lines of settlements; a difference always has its sign."""
    return [
        Lined(
            str(each.settlement),
            day(each.settlement.as_of),
            each.institution,
            names.get(each.institution, ""),
            each.item,
            number(each.entitled),
            number(each.before),
            f"{each.difference:+,}",
        )
        for each in found
    ]
