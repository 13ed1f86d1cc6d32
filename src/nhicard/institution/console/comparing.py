"""The seven-day comparison as the insurer's report shows it, what is still missing, and its chart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

import polars as pl

from nhicard.institution.console.display import Share, share


@dataclass(frozen=True, slots=True)
class Line:
    """Counts of a category, a day or all: ``a`` accepted in 1.0, ``b`` those whose 2.0 pre-check is accepted too."""

    category: str
    a: int
    b: int

    @property
    def share(self) -> Share:
        """(B)/(A)."""
        return share(self.b, self.a)


@dataclass(frozen=True, slots=True)
class Day:
    """A visit date with a line a category and its total."""

    date: date
    lines: Sequence[Line]
    total: Line


@dataclass(frozen=True, slots=True)
class Comparison:
    """The table. ``all_matched`` and ``all_by_web``: the two conditions of the pre-check."""

    days: Sequence[Day]
    total: Line
    by_web: bool

    @property
    def missing(self) -> int:
        """Visits whose pre-check is still to be accepted."""
        return self.total.a - self.total.b

    @property
    def all_matched(self) -> bool:
        """Whether the pre-check of every visit is accepted; by the exact numbers."""
        return self.total.share.reached

    @property
    def all_by_web(self) -> bool:
        """Whether every accepted pre-check went by the Web API."""
        return self.by_web and self.total.b > 0


def compared(found: pl.DataFrame, days: Sequence[date], *, by_web: bool) -> Comparison:
    """From ``overview.comparison``; a day without visits has a line of nothing."""
    of_day: dict[date, list[Line]] = {each: [] for each in days}
    for visit_date, category, a, b in found.select("visit_date", "category", "a", "b").iter_rows():
        if visit_date in of_day:
            of_day[visit_date].append(Line(category, a, b))
    told = [Day(each, lines, _sum(lines)) for each, lines in of_day.items()]
    return Comparison(told, _sum([each.total for each in told]), by_web)


def _sum(lines: Sequence[Line]) -> Line:
    return Line("", sum(line.a for line in lines), sum(line.b for line in lines))


@dataclass(frozen=True, slots=True)
class Bar:
    """A day in the chart; whole pixels of its drawing."""

    day: Day
    x: int
    top_a: int
    top_b: int
    height_a: int
    height_b: int


@dataclass(frozen=True, slots=True)
class Chart:
    """Bars over a base line, and rules at round counts: (height, count)."""

    width: int
    height: int
    base: int
    bar: int
    bars: Sequence[Bar]
    rules: Sequence[tuple[int, int]]


_WIDTH: Final = 760
_HEIGHT: Final = 260
_TOP, _BASE, _LEFT = 40, 214, 56
_BAR: Final = 44
_RULES: Final = 4


def chart(days: Sequence[Day]) -> Chart:
    """Places of the bars, to a scale that ends at a round number."""
    most = _round_up(max([each.total.a for each in days] + [_RULES]))
    step = (_WIDTH - _LEFT) // max(1, len(days))

    def height(count: int) -> int:
        return count * (_BASE - _TOP) // most

    bars = [
        Bar(
            each,
            _LEFT + step * place + (step - _BAR) // 2,
            _BASE - height(each.total.a),
            _BASE - height(each.total.b),
            height(each.total.a),
            height(each.total.b),
        )
        for place, each in enumerate(days)
    ]
    counts = [most * part // _RULES for part in range(_RULES + 1)]
    return Chart(_WIDTH, _HEIGHT, _BASE, _BAR, bars, [(_BASE - height(count), count) for count in counts])


def _round_up(count: int) -> int:
    """The next number of the form 4, 8, 20, 40, 80, 200 …, which four rules divide."""
    unit = _RULES
    while True:
        for factor in (1, 2, 5):
            if unit * factor >= count:
                return unit * factor
        unit *= 10
