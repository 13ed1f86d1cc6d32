"""A week of 21 sessions: Monday to Sunday in the morning, then in the afternoon, then in the evening.

The insurer's files write it as 21 letters in that order, N for open and Y for closed, or as 21 phrases such as
星期一上午看診 and 星期日晚上休診.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

OPEN, CLOSED = "N", "Y"
WEEKDAYS: Final = 7
_WEEKDAYS_ZH: Final = "一二三四五六日"
_OPEN_ZH, _CLOSED_ZH = "看診", "休診"


class Session(StrEnum):
    """上午, 下午, 晚上."""

    MORNING = "morning"
    AFTERNOON = "afternoon"
    EVENING = "evening"


SESSIONS: Final = tuple(Session)
CELLS: Final = len(SESSIONS) * WEEKDAYS
_SESSIONS_ZH: Final = dict(zip(("上午", "下午", "晚上"), SESSIONS, strict=True))
_PHRASE: Final = re.compile(f"星期([{_WEEKDAYS_ZH}])({'|'.join(_SESSIONS_ZH)})({_OPEN_ZH}|{_CLOSED_ZH})")


@dataclass(frozen=True, slots=True)
class Cell:
    """A session of a weekday; ``weekday`` counts from 0 for Monday, as Python's does."""

    weekday: int
    session: Session

    @property
    def number(self) -> int:
        """The cell's place among the letters, from 1 to 21."""
        return SESSIONS.index(self.session) * WEEKDAYS + self.weekday + 1

    @staticmethod
    def numbered(number: int) -> Cell:
        """The cell at the place; raises ValueError outside 1 to 21."""
        if not 1 <= number <= CELLS:
            raise ValueError(f"{number} is not a cell of the week")
        return Cell((number - 1) % WEEKDAYS, SESSIONS[(number - 1) // WEEKDAYS])


@dataclass(frozen=True, slots=True)
class Week:
    """The sessions of a week that are open."""

    open: frozenset[Cell] = frozenset()

    @staticmethod
    def of_numbers(numbers: Iterable[int]) -> Week:
        """A week in which the cells at these places are open; raises ValueError for what is no place."""
        return Week(frozenset(map(Cell.numbered, numbers)))

    @staticmethod
    def of_letters(letters: str) -> Week:
        """The week that 21 letters tell; raises ValueError for anything else."""
        if len(letters) != CELLS or not set(letters) <= {OPEN, CLOSED}:
            raise ValueError(f"{letters!r} is not {CELLS} letters {OPEN} or {CLOSED}")
        return Week.of_numbers(number for number, letter in enumerate(letters, start=1) if letter == OPEN)

    @staticmethod
    def of_phrases(text: str) -> Week:
        """The week that 21 phrases with 、 between them tell, in any order; raises ValueError for anything else."""
        told: dict[Cell, bool] = {}
        phrases = text.strip().split("、")
        for phrase in phrases:
            found = _PHRASE.fullmatch(phrase.strip())
            if found is None:
                raise ValueError(f"{phrase!r} is not a session of a week")
            told[Cell(_WEEKDAYS_ZH.index(found[1]), _SESSIONS_ZH[found[2]])] = found[3] == _OPEN_ZH
        if len(told) != CELLS or len(phrases) != CELLS:
            raise ValueError(f"{len(phrases)} sessions instead of {CELLS}")
        return Week(frozenset(cell for cell, is_open in told.items() if is_open))

    @property
    def letters(self) -> str:
        """21 letters."""
        return "".join(OPEN if Cell.numbered(each) in self.open else CLOSED for each in range(1, CELLS + 1))

    @property
    def phrases(self) -> str:
        """21 phrases, the morning, afternoon and evening of Monday first."""
        return "、".join(
            f"星期{_WEEKDAYS_ZH[weekday]}{name}{_OPEN_ZH if Cell(weekday, session) in self.open else _CLOSED_ZH}"
            for weekday in range(WEEKDAYS)
            for name, session in _SESSIONS_ZH.items()
        )

    def on(self, day: date) -> tuple[Session, ...]:
        """The sessions that are open on the day, the morning first."""
        return tuple(session for session in SESSIONS if Cell(day.weekday(), session) in self.open)

    def __or__(self, other: Week) -> Week:
        return Week(self.open | other.open)
