"""Line types with their monthly caps, and the kinds that statistics tell apart."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from pathlib import Path

from django.conf import settings


@dataclass(frozen=True, slots=True)
class LineType:
    """A type of line as it holds from a day to a day. ``cap``: NT$ a month; ``kinds``: of institution."""

    code: str
    zh: str
    en: str
    kinds: tuple[str, ...]
    minimum_mbps: int
    cap: int
    valid_from: date
    valid_until: date | None

    def holds(self, day: date) -> bool:
        """Whether it holds on the day."""
        return self.valid_from <= day and (self.valid_until is None or self.valid_until >= day)


@dataclass(frozen=True, slots=True)
class Group:
    """Institutions that statistics count together: a kind, and how codes begin where that matters."""

    code: str
    zh: str
    en: str
    kind: str
    prefixes: tuple[str, ...]


def line_types() -> tuple[LineType, ...]:
    """Of ``line_types.csv`` in the insurer's home, else as packaged. Raises ValueError, KeyError for a bad table."""
    own = Path(settings.HOME) / "line_types.csv"
    return parsed(own.read_text(encoding="utf-8-sig")) if own.exists() else _packaged()


def line_type(code: str, day: date, known: Sequence[LineType] | None = None) -> LineType | None:
    """The type as it holds on the day."""
    return next((each for each in known or line_types() if each.code == code and each.holds(day)), None)


def open_to(kind: str, day: date) -> list[LineType]:
    """Types that an institution of the kind may enrol with."""
    return [each for each in line_types() if kind in each.kinds and each.holds(day)]


def parsed(text: str) -> tuple[LineType, ...]:
    """Line types of a table. Raises ValueError where two rows of a type hold on the same day."""
    found = tuple(_line_type(row) for row in csv.DictReader(text.splitlines()))
    for each in found:
        if any(other is not each and other.code == each.code and other.holds(each.valid_from) for other in found):
            raise ValueError(f"line type {each.code} has two rows for {each.valid_from}")
    return found


@cache
def groups() -> tuple[Group, ...]:
    """In order; an institution is of the first that it fits."""
    return tuple(
        Group(row["code"], row["zh"], row["en"], row["kind"], tuple(row["prefixes"].split()))
        for row in csv.DictReader(_text("groups").splitlines())
    )


def group_of(kind: str, code: str) -> Group | None:
    """The group of an institution; None for who cannot take part."""
    return next(
        (each for each in groups() if each.kind == kind and (not each.prefixes or code.startswith(each.prefixes))), None
    )


@cache
def _packaged() -> tuple[LineType, ...]:
    return parsed(_text("line_types"))


def _line_type(row: dict[str, str]) -> LineType:
    return LineType(
        code=row["code"],
        zh=row["zh"],
        en=row["en"],
        kinds=tuple(row["kinds"].split()),
        minimum_mbps=int(row["minimum_mbps"]),
        cap=int(row["cap"]),
        valid_from=date.fromisoformat(row["valid_from"]),
        valid_until=date.fromisoformat(row["valid_until"]) if row["valid_until"] else None,
    )


def _text(name: str) -> str:
    return (files(__package__) / "data" / f"{name}.csv").read_text(encoding="utf-8")
