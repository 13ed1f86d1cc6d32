"""How values look on a page: dates of the ROC calendar in Chinese, ISO in English; shares that never claim too much."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any, Final, Literal

import polars as pl

from nhicard.formats import rocdate
from nhicard.formats.tables import codes
from nhicard.institution.results.masking import masked

Language = Literal["zh", "en"]
LANGUAGES: Final[tuple[Language, ...]] = ("zh", "en")
_WEEKDAYS: Final[Mapping[Language, str | tuple[str, ...]]] = {
    "zh": "一二三四五六日",
    "en": ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"),
}


def day(value: date, language: Language, *, short: bool = False) -> str:
    """``115/11/20（五）`` or ``2026-11-20 (Fri)``; short without the year."""
    weekday = _WEEKDAYS[language][value.weekday()]
    if language == "zh":
        year = "" if short else f"{value.year - rocdate.YEAR_BEFORE_FIRST}/"
        return f"{year}{value:%m/%d}（{weekday}）"
    return f"{value:%m-%d} {weekday}" if short else f"{value:%Y-%m-%d} ({weekday})"


def moment(value: datetime | str | None, language: Language) -> str:
    """``115/11/20 09:30`` or ``2026-11-20 09:30``; a dash where there is none. Texts are the outbox's."""
    if not value:
        return "—"
    at = datetime.fromisoformat(value) if isinstance(value, str) else value
    if language == "zh":
        return f"{at.year - rocdate.YEAR_BEFORE_FIRST}/{at:%m/%d %H:%M}"
    return f"{at:%Y-%m-%d %H:%M}"


def hours(value: timedelta) -> tuple[int, int]:
    """Whole hours and minutes, without the sign."""
    return divmod(int(abs(value).total_seconds()) // 60, 60)


@dataclass(frozen=True, slots=True)
class Share:
    """A part of a whole: the rounded percentage, and whether the whole is reached, by the exact numbers alone."""

    text: str
    reached: bool

    @property
    def looks_reached(self) -> bool:
        """Whether rounding alone makes it 100 %."""
        return not self.reached and self.text == "100%"


def share(part: int, whole: int) -> Share:
    """One decimal, rounded half up in whole numbers; a dash where the whole is nothing."""
    if not whole:
        return Share("—", False)
    tenths = (2000 * part + whole) // (2 * whole)
    text = "100%" if tenths == 1000 else f"{tenths // 10}.{tenths % 10}%"
    return Share(text, part == whole)


def category(code: str, language: Language) -> str:
    """The name of a visit category; the code itself where no table has it."""
    return named("M07", code, language) or code


def named(table: str, code: str, language: Language) -> str:
    """What a 2.0 code table calls a code; empty where it does not know it."""
    entry = _codes(table).get(code)
    return "" if entry is None else entry.name_zh if language == "zh" else entry.name_en


@cache
def _codes(table: str) -> Mapping[str, Any]:
    try:
        return codes("2.0", table)
    except KeyError:
        return {}


def meaning(form: str, table: str, value: str, language: Language) -> str:
    """What a wire value says to people: the name of a code, a date or time; empty where it speaks for itself."""
    reads: Mapping[str, Callable[[str], str]] = {
        "code": lambda text: named(table, text, language),
        "roc date": lambda text: day(rocdate.parse_date(text), language),
        "roc time": lambda text: moment(rocdate.parse_datetime(text), language),
    }
    try:
        return reads[form](value) if form in reads else ""
    except ValueError:
        return ""


def masked_field(field: str, value: str | None) -> str:
    """The value of a 2.0 field with whom it is about hidden."""
    if value is None:
        return ""
    return str(masked(pl.DataFrame({field: [value]}, schema={field: pl.String})).item())


def masked_ids(values: list[str | None]) -> list[str]:
    """National IDs, hidden."""
    frame = masked(pl.DataFrame({"M03": values}, schema={"M03": pl.String}))
    return [value or "" for value in frame["M03"].to_list()]
