"""What the pages show of participation and months, in the language of the request."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from django.utils import translation

from nhicard.formats import rocdate
from nhicard.insurer.applications.forms import roc_day
from nhicard.insurer.portal.texts import text
from nhicard.insurer.registry.models import Institution
from nhicard.insurer.virtualcards.models import Participation, Setting
from nhicard.insurer.virtualcards.rewards import Rule
from nhicard.insurer.virtualcards.services.months import Line


def is_english() -> bool:
    """Whether the page is asked for in English."""
    return (translation.get_language() or "").startswith("en")


def month_text(month: date) -> str:
    """``115/03``."""
    digits = rocdate.format_date(month)
    return f"{digits[:3]}/{digits[3:5]}"


@dataclass(frozen=True, slots=True)
class Standing:
    """A setting as the institution's page shows it. ``joined``: one takes part, or will, without an end."""

    setting: str
    name: str
    about: str
    joined: bool
    period: str


def standings(institution: Institution, today: date) -> list[Standing]:
    """All settings, with the participation that has no end, else the last one."""
    last: dict[str, Participation] = {}
    for each in institution.virtual_card_settings.order_by("valid_from"):
        last[each.setting] = each
    return [_standing(setting, last.get(setting), today) for setting in Setting.values]


def _standing(setting: str, found: Participation | None, today: date) -> Standing:
    period = text("virtualcards.never")
    if found and found.valid_until is None:
        key = "virtualcards.since" if found.valid_from <= today else "virtualcards.will"
        period = text(key, day=roc_day(found.valid_from))
    elif found:
        period = text("virtualcards.was", first=roc_day(found.valid_from), last=roc_day(found.valid_until))
    joined = found is not None and found.valid_until is None
    name, about = text(f"virtualcards.setting.{setting}"), text(f"virtualcards.setting.{setting}.about")
    return Standing(setting, name, about, joined, period)


@dataclass(frozen=True, slots=True)
class Row:
    """A month of an institution in a table."""

    code: str
    name: str
    month: str
    settings: str
    figures: tuple[str, ...]
    items: str
    points: str


def rows(found: Iterable[Line], rule: Rule) -> list[Row]:
    """Lines as tables show them."""
    names = item_names(rule)
    return [_row(each, names) for each in found]


def _row(line: Line, names: Mapping[str, str]) -> Row:
    return Row(
        line.institution.code,
        line.institution.short_name,
        month_text(line.month),
        _together(text(f"virtualcards.setting.{each}") for each in line.settings) or "–",
        tuple(f"{each:,}" for each in line.figures),
        _together(names[each] for each in line.earned.items) or "–",
        f"{line.earned.points:,}",
    )


def _together(words: Iterable[str]) -> str:
    return (", " if is_english() else "、").join(words)


def item_names(rule: Rule) -> dict[str, str]:
    """Names of rewards by code."""
    return {each.code: each.en if is_english() else each.zh for each in rule.items}


@dataclass(frozen=True, slots=True)
class Reward:
    """A reward in words."""

    name: str
    condition: str
    points: str


def rewards(rule: Rule) -> list[Reward]:
    """What can be earned, and how."""
    names, found = item_names(rule), []
    for each in rule.items:
        figure = text(f"virtualcards.figure.{each.figure}")
        condition = text("virtualcards.condition", figure=figure, at_least=each.at_least)
        if each.of:
            of = text(f"virtualcards.figure.{each.of}")
            condition = text("virtualcards.condition.share", condition=condition, of=of, percent=each.percent)
        if each.setting:
            setting = text(f"virtualcards.setting.{each.setting}")
            condition = text("virtualcards.condition.setting", condition=condition, setting=setting)
        found.append(Reward(names[each.code], condition, f"{each.points:,}"))
    return found


@dataclass(frozen=True, slots=True)
class Sum:
    """A division's month."""

    name: str
    count: str
    figures: tuple[str, ...]
    points: str


def sums(found: Mapping[int, tuple[int, tuple[int, ...], int]]) -> list[Sum]:
    """Divisions as the table shows them."""
    return [
        Sum(
            text(f"division.{division}") if division else "–",
            f"{count:,}",
            tuple(f"{each:,}" for each in figures),
            f"{points:,}",
        )
        for division, (count, figures, points) in found.items()
    ]
