"""A year's incentive scheme as data: items, who earns them by which events, windows, ceilings, assumptions.

``data/schemes/<year>.toml`` holds the packaged ones. A folder of the operator may hold further years, and files of the
same name that set ``announcements`` and ``assumptions`` of a packaged one.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

#: Kinds of institution that a scheme may name, as the register has them.
INSTITUTIONS: Final = ("hospital", "clinic", "pharmacy")
_SETTABLE: Final = {"announcements": "day", "assumptions": "value"}


class BadScheme(ValueError):
    """A scheme's file says something that cannot be; the message names the file's key."""


@dataclass(frozen=True, slots=True)
class Window:
    """The days in which a step counts, both ends included. ``first`` None: no lower limit.

    ``unset`` names the announcement whose unknown day the window should begin from.
    """

    first: date | None
    last: date | None
    unset: str = ""

    def is_early(self, day: date) -> bool:
        """Whether the day lies before the window."""
        return self.first is not None and day < self.first

    def is_late(self, day: date) -> bool:
        """Whether the day lies behind the window."""
        return self.last is not None and day > self.last


@dataclass(frozen=True, slots=True)
class Loss:
    """The event that takes an earned item away before a day; ``again``: it can be earned once more."""

    event: str
    before: date
    day_itself: bool
    again: bool

    def covers(self, day: date) -> bool:
        """Whether the event loses the item on this day."""
        return day < self.before or (self.day_itself and day == self.before)


@dataclass(frozen=True)
class Item:
    """A row of the scheme. ``points`` 0: a progress code, which holds while its steps stand.

    ``earned_by``: for each kind of institution the steps (event kind, or ``kind:detail``) in their order.
    ``ended_by``: which steps an event takes back. ``track`` and ``stage``: codes that follow on one another.
    """

    code: str
    name_zh: str
    name_en: str
    points: int
    window: Window
    source_zh: str
    source_en: str
    earned_by: Mapping[str, tuple[str, ...]]
    ended_by: Mapping[str, tuple[str, ...]]
    lost_by: Loss | None
    track: str
    stage: int

    @cached_property
    def concerned(self) -> frozenset[str]:
        """The kinds of event that mean something to the item."""
        steps = {step.partition(":")[0] for steps in self.earned_by.values() for step in steps}
        return frozenset({*steps, *self.ended_by, *([self.lost_by.event] if self.lost_by else [])})


@dataclass(frozen=True)
class Scheme:
    """A scheme with its announcements and assumptions settled. ``document``: what it was read from."""

    year: int
    begins: date
    items: tuple[Item, ...]
    ceilings: Mapping[str, int]
    document: Mapping[str, Any]

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the document, in hexadecimal: what a settlement rested on."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()

    def to_json(self) -> str:
        """The document, from which ``parse`` makes the same scheme."""
        return json.dumps(self.document, ensure_ascii=False, sort_keys=True, default=str)

    def item(self, code: str) -> Item:
        """Raises KeyError for a code that the scheme does not have."""
        return self._by_code[code]

    @cached_property
    def _by_code(self) -> dict[str, Item]:
        return {each.code: each for each in self.items}

    @property
    def codes(self) -> tuple[str, ...]:
        """Codes in the order of the table."""
        return tuple(each.code for each in self.items)

    def assumes(self, name: str) -> bool:
        """The value of an assumption; True where the scheme needs none."""
        return _assumed(self.document, name) if name in self.document.get("assumptions", {}) else True


def parse(document: Mapping[str, Any]) -> Scheme:
    """A scheme from its document. Raises BadScheme."""
    try:
        scheme = Scheme(
            int(document["year"]),
            _day(document["begins"]),
            tuple(_item(row, document) for row in document["items"]),
            {kind: int(points) for kind, points in document["ceilings"].items()},
            document,
        )
    except (KeyError, TypeError, ValueError) as trouble:
        raise BadScheme(f"scheme {document.get('year', '?')}: {trouble!r}") from trouble
    _verify(scheme)
    return scheme


def load(folder: Path | None = None) -> dict[int, Scheme]:
    """Every scheme by its ROC year: the packaged ones and those of the folder. Raises BadScheme, OSError."""
    documents = {int(each["year"]): each for each in _packaged()}
    for path in sorted(folder.glob("*.toml")) if folder and folder.is_dir() else ():
        try:
            told = tomllib.loads(path.read_text(encoding="utf-8"))
            year = int(told["year"])
        except (tomllib.TOMLDecodeError, KeyError, ValueError) as trouble:
            raise BadScheme(f"{path.name}: {trouble}") from trouble
        documents[year] = changed(documents[year], told) if year in documents else told
    return {year: parse(documents[year]) for year in sorted(documents)}


def in_force(schemes: Mapping[int, Scheme], as_of: date) -> Scheme:
    """The last scheme that has begun by the day; before all of them the first."""
    begun = [scheme for scheme in schemes.values() if scheme.begins <= as_of]
    return max(begun, key=lambda each: each.begins) if begun else min(schemes.values(), key=lambda each: each.begins)


def changed(document: Mapping[str, Any], told: Mapping[str, Any]) -> dict[str, Any]:
    """The document with the days and values that ``told`` sets: ``{"announcements": {"qr": {"day": …}}, …}``.

    Raises BadScheme for anything else that it says, and for names that there are not.
    """
    result = dict(document)
    if unknown := set(told) - {*_SETTABLE, "year"}:
        raise BadScheme(f"scheme {document['year']} is packaged; {', '.join(sorted(unknown))} cannot be set")
    for table, key in _SETTABLE.items():
        rows = dict(document.get(table, {}))
        for name, row in told.get(table, {}).items():
            if name not in rows or not isinstance(row, Mapping) or set(row) != {key}:
                raise BadScheme(f"scheme {document['year']}: {table}.{name} is not known, or sets more than {key}")
            rows[name] = {**rows[name], key: row[key]}
        result[table] = rows
    return result


def _packaged() -> list[dict[str, Any]]:
    folder = files(__package__) / "data" / "schemes"
    return [tomllib.loads(each.read_text(encoding="utf-8")) for each in folder.iterdir() if each.name.endswith(".toml")]


def _item(row: Mapping[str, Any], document: Mapping[str, Any]) -> Item:
    return Item(
        code=row["code"],
        name_zh=row["name_zh"],
        name_en=row["name_en"],
        points=int(row.get("points", 0)),
        window=_window(row, document),
        source_zh=row["source_zh"],
        source_en=row["source_en"],
        earned_by={kind: tuple(steps) for kind, steps in row["earned_by"].items()},
        ended_by=_ended_by(row.get("ended_by", ()), document),
        lost_by=_loss(row["lost_by"], document) if "lost_by" in row else None,
        track=row.get("track", ""),
        stage=int(row.get("stage", 0)),
    )


def _window(row: Mapping[str, Any], document: Mapping[str, Any]) -> Window:
    last = _day(row["until"]) if "until" in row else None
    if last and "last_day_counts" in document.get("assumptions", {}) and not _assumed(document, "last_day_counts"):
        last -= timedelta(days=1)
    begin = row.get("from")
    if not isinstance(begin, Mapping):
        return Window(_day(begin) if begin else None, last)
    name = begin["announcement"]
    announced = document["announcements"][name]["day"]
    if not announced:
        return Window(None, last, unset=name)
    return Window(_BEGINS[begin["begins"]](_day(announced)), last)


def _next_month(day: date) -> date:
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)


_BEGINS: Final = {"same-day": lambda day: day, "next-month": _next_month}


def _ended_by(rows: Sequence[Mapping[str, Any]], document: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    applying = [row for row in rows if "unless" not in row or not _assumed(document, row["unless"])]
    return {row["event"]: tuple(row["steps"]) for row in applying}


def _loss(row: Mapping[str, Any], document: Mapping[str, Any]) -> Loss:
    return Loss(
        row["event"],
        _day(row["before"]),
        day_itself=_flag(row["day_itself"], document),
        again=_flag(row["again"], document),
    )


def _flag(told: bool | str, document: Mapping[str, Any]) -> bool:
    """A value, or the value of the assumption that is named."""
    return told if isinstance(told, bool) else _assumed(document, told)


def _assumed(document: Mapping[str, Any], name: str) -> bool:
    value = document["assumptions"][name]["value"]
    if not isinstance(value, bool):
        raise BadScheme(f"assumption {name} is true or false, not {value!r}")
    return value


def _day(told: object) -> date:
    if isinstance(told, date):
        return told
    if isinstance(told, str):
        return date.fromisoformat(told)
    raise ValueError(f"{told!r} is not a day")


def _verify(scheme: Scheme) -> None:
    """That what the rows name is there."""
    if len(set(scheme.codes)) != len(scheme.items):
        raise BadScheme(f"scheme {scheme.year} has an item twice")
    for item in scheme.items:
        for kind, steps in item.earned_by.items():
            if kind not in INSTITUTIONS or kind not in scheme.ceilings or not steps:
                raise BadScheme(f"scheme {scheme.year}, {item.code}: {kind} has no steps or no ceiling")
        steps_of_all = {step for steps in item.earned_by.values() for step in steps}
        if unknown := {step for steps in item.ended_by.values() for step in steps} - steps_of_all:
            raise BadScheme(f"scheme {scheme.year}, {item.code}: {', '.join(sorted(unknown))} is no step of it")
    if any(points < 0 for points in (*scheme.ceilings.values(), *(item.points for item in scheme.items))):
        raise BadScheme(f"scheme {scheme.year}: points below zero")
