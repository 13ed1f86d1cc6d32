"""The kinds of event that a scheme may name (data/event_kinds.csv), and the sentences of reasons (data/reasons.csv)."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from datetime import date
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final

from nhicard.formats import rocdate

if TYPE_CHECKING:
    from nhicard.insurer.incentives.engine import Reason

_LAST: Final = 99


@cache
def kinds() -> Mapping[str, Mapping[str, str]]:
    """Rows by step: a kind, or ``kind:detail``; in the order in which events of one moment follow each other."""
    return {row["kind"]: row for row in _rows("event_kinds")}


@cache
def rank(kind: str) -> int:
    """The kind's place in the table; one that is not in it comes last."""
    places = (place for place, known in enumerate(kinds()) if known.partition(":")[0] == kind)
    return next(places, _LAST)


def is_known(kind: str) -> bool:
    """Whether events of this kind may come."""
    return rank(kind) != _LAST


def step_name(step: str, *, english: bool) -> str:
    """What a step is called; a detail that says nothing more is left out."""
    row = kinds().get(step) or kinds().get(step.partition(":")[0])
    return row["en" if english else "zh"] if row else step


def todo(missing: tuple[str, ...], standing: frozenset[str], *, english: bool) -> str:
    """What to do next for a step that is missing: the first on the way to it that does not stand."""
    if not missing:
        return ""
    step = missing[0]
    while (before := kinds()[step]["after"]) and before not in standing:
        step = before
    return kinds()[step]["todo_en" if english else "todo_zh"]


@cache
def _sentences() -> Mapping[str, Mapping[str, str]]:
    return {row["name"]: row for row in _rows("reasons")}


def sentence(reason: Reason, *, english: bool) -> str:
    """The reason as a sentence; days in Chinese as ROC years."""
    values = {name: _told(name, value, english=english) for name, value in reason.values}
    return _sentences()[reason.name]["en" if english else "zh"].format(**values)


def sentences(reasons: tuple[Reason, ...], *, english: bool) -> str:
    """All of them."""
    return (" " if english else "").join(sentence(each, english=english) for each in reasons)


def day_text(day: date, *, english: bool) -> str:
    """``112/12/31``, or ``2023-12-31``."""
    if english:
        return day.isoformat()
    told = rocdate.format_date(day)
    return f"{told[:3]}/{told[3:5]}/{told[5:]}"


def _told(name: str, value: Any, *, english: bool) -> str:
    if isinstance(value, date):
        return day_text(value, english=english)
    if name == "announcement":
        return str(value[1 if english else 0])
    if isinstance(value, tuple):
        return ("; " if english else "、").join(step_name(step, english=english) for step in value)
    if name == "step":
        return step_name(value, english=english)
    return f"{value:,}" if isinstance(value, int) else str(value)


def _rows(name: str) -> list[dict[str, str]]:
    text = (files(__package__) / "data" / f"{name}.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))
