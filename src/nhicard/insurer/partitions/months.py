"""Months as their first days."""

from __future__ import annotations

from datetime import date


def month_of(day: date) -> date:
    """The first day of the day's month."""
    return date(day.year, day.month, 1)


def shifted(month: date, by: int) -> date:
    """So many months later (earlier where negative)."""
    whole = month.year * 12 + month.month - 1 + by
    return date(whole // 12, whole % 12 + 1, 1)


def months_between(earlier: date, later: date) -> int:
    """How many months the later one is after the earlier one."""
    return (later.year - earlier.year) * 12 + later.month - earlier.month
