"""Fee months as their first days."""

from __future__ import annotations

import re
from datetime import date

from nhicard.formats import rocdate


def first(day: date) -> date:
    """The first day of its month."""
    return day.replace(day=1)


def after(month: date, count: int = 1) -> date:
    """The first day of the month so many months later."""
    years, index = divmod(month.month - 1 + count, 12)
    return date(month.year + years, index + 1, 1)


def parse(text: str) -> date:
    """``11011``, ``110/11`` or ``110-11``. Raises ValueError."""
    parts = re.fullmatch(r"(\d{2,3})[/.\-]?(\d{2})", text.strip())
    if not parts:
        raise ValueError(f"{text!r:.20} is not a month yyyMM")
    return rocdate.parse_date(f"{parts[1]:0>3}{parts[2]}01")


def told(month: date) -> str:
    """``110/11``."""
    digits = rocdate.format_date(month)
    return f"{digits[:3]}/{digits[3:5]}"


def code(month: date) -> str:
    """``11011``."""
    return rocdate.format_date(month)[:5]
