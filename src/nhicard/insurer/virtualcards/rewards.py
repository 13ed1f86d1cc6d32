"""What an institution earns of a month: a pure function of its figures, its participation and the rule in data.

>>> earned({"first_used": 12}, {"on-site": 30}, rule()).points
1000
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from nhicard.insurer.virtualcards.models import FIGURES, Setting

FILE: Final = "rewards.toml"
FOLDER: Final = "virtual-cards"


class BadRule(ValueError):
    """The rule cannot be used; the text says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Item:
    """One reward. ``setting``: empty where any will do; ``of`` and ``percent``: a share asked for, or empty and 0."""

    code: str
    zh: str
    en: str
    figure: str
    at_least: int
    points: int
    setting: str = ""
    of: str = ""
    percent: int = 0


@dataclass(frozen=True, slots=True)
class Rule:
    """All rewards, the days one has to take part, and the most that a month brings."""

    days: int
    ceiling: int
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Earned:
    """The codes of what is earned, and the points, never above the ceiling."""

    items: tuple[str, ...]
    points: int


def rule(home: Path | None = None) -> Rule:
    """The packaged rule, or the one that the insurer's home holds. Raises BadRule, OSError."""
    own = home / FOLDER / FILE if home else None
    source = own.read_text(encoding="utf-8") if own and own.exists() else _packaged()
    try:
        told = tomllib.loads(source)
        found = Rule(int(told["days"]), int(told["ceiling"]), tuple(Item(**each) for each in told["item"]))
    except (tomllib.TOMLDecodeError, KeyError, TypeError, ValueError) as trouble:
        raise BadRule(str(trouble)) from None
    for each in found.items:
        _require_sound(each)
    return found


def earned(figures: Mapping[str, int], days: Mapping[str, int], rule: Rule) -> Earned:
    """``figures``: by name, 0 where missing; ``days``: of the month on which one took part, by setting."""
    items = [each for each in rule.items if _is_earned(each, figures, days, rule.days)]
    return Earned(tuple(each.code for each in items), min(rule.ceiling, sum(each.points for each in items)))


def _is_earned(item: Item, figures: Mapping[str, int], days: Mapping[str, int], least: int) -> bool:
    taking_part = days.get(item.setting, 0) if item.setting else max(days.values(), default=0)
    figure = figures.get(item.figure, 0)
    is_enough = not item.of or figure * 100 >= figures.get(item.of, 0) * item.percent
    return taking_part >= least and figure >= item.at_least and is_enough


def _require_sound(item: Item) -> None:
    if item.figure not in FIGURES or item.of not in ("", *FIGURES) or item.setting not in ("", *Setting.values):
        raise BadRule(f"item {item.code}: unknown figure or setting")
    numbers: tuple[Any, ...] = (item.at_least, item.points, item.percent)
    if any(not isinstance(each, int) or each < 0 for each in numbers):
        raise BadRule(f"item {item.code}: numbers must be whole and not negative")


def _packaged() -> str:
    return (files(__package__) / "data" / FILE).read_text(encoding="utf-8")
