"""What the tables in ``data/`` say: kinds of case, and which action leads from which state to which."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files

import numpy as np


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of case. ``effect``: the change of edition that its agreement makes, empty where it makes none."""

    code: str
    plan: str
    four_eyes: bool
    working_days: int
    preconditions: tuple[str, ...]
    effect: str

    def due(self, day: date) -> date:
        """The last day to decide a case handed in on this day; Saturdays and Sundays do not count."""
        found: date = np.busday_offset(day, self.working_days, roll="backward").astype(object)
        return found


@dataclass(frozen=True, slots=True)
class Transition:
    """One row: who may do what in which state, under which guards. ``four_eyes``: None where it does not matter."""

    action: str
    before: str
    after: str
    roles: tuple[str, ...]
    four_eyes: bool | None
    guards: tuple[str, ...]


@cache
def kinds() -> Mapping[str, Kind]:
    """Kinds by their code, in the order of the table."""
    return {
        row["code"]: Kind(
            row["code"],
            row["plan"],
            row["four_eyes"] == "yes",
            int(row["working_days"]),
            tuple(row["preconditions"].split()),
            row["effect"],
        )
        for row in _rows("kinds")
    }


@cache
def transitions() -> tuple[Transition, ...]:
    """Every transition that there is."""
    meaning = {"": None, "yes": True, "no": False}
    return tuple(
        Transition(
            row["action"],
            row["from"],
            row["to"],
            tuple(row["roles"].split()),
            meaning[row["four_eyes"]],
            tuple(row["guards"].split()),
        )
        for row in _rows("transitions")
    )


def open_to(kind: str, state: str, role: str) -> tuple[Transition, ...]:
    """The transitions that a role has with a case of this kind in this state."""
    four_eyes = kinds()[kind].four_eyes
    return tuple(
        each
        for each in transitions()
        if each.before == state and role in each.roles and each.four_eyes in (None, four_eyes)
    )


def _rows(name: str) -> Iterator[dict[str, str]]:
    text = (files(__package__) / "data" / f"{name}.csv").read_text(encoding="utf-8")
    return csv.DictReader(text.splitlines())
