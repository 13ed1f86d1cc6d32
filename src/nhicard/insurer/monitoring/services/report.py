"""健保卡2.0預檢比對健保卡1.0統計報表: the comparison of seven days, from counters that the worker keeps.

A number is never rounded before it decides: percentages are for the eye, the two conditions ask the counts.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final, TypeVar

from django.db.models import Sum

from nhicard.insurer.intake.models import DayCount

DAYS: Final = 7
Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Counts:
    """``a``: records accepted in 1.0. ``by_vpn``, ``by_web``: those whose 2.0 pre-check is accepted, by how it came."""

    a: int = 0
    by_vpn: int = 0
    by_web: int = 0

    @property
    def b(self) -> int:
        """Records whose 2.0 pre-check is accepted."""
        return self.by_vpn + self.by_web

    @property
    def missing(self) -> int:
        """Records whose pre-check is still to be accepted."""
        return self.a - self.b

    @property
    def percent(self) -> int | None:
        """(B)/(A) as the report prints it: whole per cent, half up; None where nothing was accepted in 1.0."""
        return (200 * self.b + self.a) // (2 * self.a) if self.a else None

    @property
    def is_complete(self) -> bool:
        """Whether (B)/(A) is exactly 1."""
        return self.a > 0 and self.b == self.a

    @property
    def only_looks_complete(self) -> bool:
        """Whether it is rounding alone that prints 100 %."""
        return self.percent == 100 and not self.is_complete

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.a + other.a, self.by_vpn + other.by_vpn, self.by_web + other.by_web)


@dataclass(frozen=True, slots=True)
class Cell:
    """The counts of a visit date and category."""

    day: date
    category: str
    counts: Counts


@dataclass(frozen=True, slots=True)
class Report:
    """Seven visit dates of an institution, up to the day before ``as_of``; ``cells`` has those with visits."""

    institution: str
    as_of: date
    cells: Sequence[Cell]

    @property
    def days(self) -> Sequence[date]:
        """The seven dates, the earliest first."""
        return window(self.as_of)

    @property
    def total(self) -> Counts:
        """Of everything."""
        return sum((each.counts for each in self.cells), Counts())

    @property
    def by_day(self) -> Mapping[date, Counts]:
        """Of each of the seven dates, with or without visits."""
        return dict.fromkeys(self.days, Counts()) | _totals(self.cells, lambda each: each.day)

    @property
    def by_category(self) -> Mapping[str, Counts]:
        """Of each visit category that has visits, in the order of the codes."""
        return dict(sorted(_totals(self.cells, lambda each: each.category).items()))

    @property
    def all_matched(self) -> bool:
        """Condition 1: the pre-check of every record is accepted."""
        return self.total.is_complete

    @property
    def all_by_web(self) -> bool:
        """Condition 2: every accepted pre-check came by the Web API."""
        return self.total.b > 0 and self.total.by_vpn == 0

    @property
    def qualifies(self) -> bool:
        """Whether both conditions are met (H1)."""
        return self.all_matched and self.all_by_web


def window(as_of: date) -> Sequence[date]:
    """The visit dates of a report: from seven days before ``as_of`` to the day before it."""
    return [as_of - timedelta(days=back) for back in range(DAYS, 0, -1)]


def compiled(institution: str, as_of: date, cells: Iterable[Cell]) -> Report:
    """The report from cells of any dates and in any order; those outside its dates are left out."""
    days = set(window(as_of))
    return Report(
        institution, as_of, sorted((each for each in cells if each.day in days), key=lambda c: (c.day, c.category))
    )


def report(institution: str, as_of: datetime) -> Report:
    """The report as the counters stand; ``as_of`` says which seven dates."""
    today = as_of.date()
    days = window(today)
    rows = DayCount.objects.filter(institution=institution, visit_date__range=(days[0], days[-1]))
    names = ("visit_date", "category", "accepted10", "matched_by_vpn", "matched_by_web")
    cells = [Cell(day, category, Counts(*counts)) for day, category, *counts in rows.values_list(*names)]
    return compiled(institution, today, cells)


def totals(institutions: Iterable[str], as_of: datetime) -> Mapping[str, Counts]:
    """The seven days' total of each institution that has visits; one query for all of them."""
    days = window(as_of.date())
    rows = DayCount.objects.filter(institution__in=list(institutions), visit_date__range=(days[0], days[-1]))
    sums = rows.values_list("institution").annotate(Sum("accepted10"), Sum("matched_by_vpn"), Sum("matched_by_web"))
    return {institution: Counts(*counts) for institution, *counts in sums}


def _totals(cells: Iterable[Cell], key: Callable[[Cell], Key]) -> dict[Key, Counts]:
    found: dict[Key, Counts] = {}
    for cell in cells:
        found[key(cell)] = found.get(key(cell), Counts()) + cell.counts
    return found
