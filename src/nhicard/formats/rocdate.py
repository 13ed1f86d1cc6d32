"""ROC dates and times, at the edges of the system only: inside it a date is a date.

``yyyMMdd`` (7 digits), ``yyyMMddHHmmss`` (13 digits) and ``yyyMM`` (5 digits), where ROC year n is 1911 + n.
Year 000 does not exist; an unknown clock time is written 000000, which reads as midnight. Times are Taipei's,
and naive: everybody in this story lives in one time zone without daylight saving.

The vectorised forms never raise, whatever the string: what is not exactly such a date is null.
"""

import datetime as dt
from collections.abc import Sequence
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
from numpy.typing import NDArray

TAIPEI: Final = ZoneInfo("Asia/Taipei")
YEAR_BEFORE_FIRST: Final = 1911
LAST_YEAR: Final = YEAR_BEFORE_FIRST + 999


def as_date(expr: pl.Expr) -> pl.Expr:
    """``yyyMMdd`` strings as `pl.Date`; null where blank or not a date."""
    return pl.map_batches(_numbers(expr), _dates, return_dtype=pl.Date)


def as_datetime(expr: pl.Expr) -> pl.Expr:
    """``yyyMMddHHmmss`` strings as naive ``pl.Datetime("us")``; null where blank or not a time."""
    return pl.map_batches(_numbers(expr), _datetimes, return_dtype=pl.Datetime("us"))


def as_month(expr: pl.Expr) -> pl.Expr:
    """``yyyMM`` strings as the `pl.Date` of the month's first day; null where blank or not a month."""
    return as_date(expr + pl.lit("01"))


def parse_date(text: str) -> dt.date:
    """The date of one ``yyyMMdd``; raises `ValueError`."""
    year, rest = _split(text, 7, "yyyMMdd")
    try:
        return dt.date(year, int(rest[0:2]), int(rest[2:4]))
    except ValueError:
        raise ValueError(f"{text!r} is not a day of the calendar") from None


def parse_datetime(text: str) -> dt.datetime:
    """The naive Taipei time of one ``yyyMMddHHmmss``; raises `ValueError`."""
    year, rest = _split(text, 13, "yyyMMddHHmmss")
    month, day, hour, minute, second = (int(rest[at : at + 2]) for at in range(0, 10, 2))
    try:
        return dt.datetime(year, month, day, hour, minute, second)
    except ValueError:
        raise ValueError(f"{text!r} is not a time of the calendar") from None


def format_date(date: dt.date) -> str:
    """``yyyMMdd`` of a date (of a datetime: its day); raises `ValueError` outside ROC years 1 to 999."""
    if not YEAR_BEFORE_FIRST < date.year <= LAST_YEAR:
        raise ValueError(f"{date.isoformat()} has no ROC year of three digits (1912 to {LAST_YEAR})")
    return f"{date.year - YEAR_BEFORE_FIRST:03d}{date.month:02d}{date.day:02d}"


def format_datetime(time: dt.datetime) -> str:
    """``yyyMMddHHmmss`` of a naive Taipei time, fractions of a second dropped; raises `ValueError`.

    A time that knows its zone is refused rather than guessed at: convert it to `TAIPEI` first.
    """
    if time.tzinfo is not None:
        raise ValueError(f"{time.isoformat()} carries a time zone; ROC times are naive Taipei times")
    return f"{format_date(time)}{time.hour:02d}{time.minute:02d}{time.second:02d}"


def now() -> dt.datetime:
    """The present time in Taipei, naive. For the outermost layer only: checks are given their time."""
    return dt.datetime.now(TAIPEI).replace(tzinfo=None)


def _numbers(expr: pl.Expr) -> list[pl.Expr]:
    """The string as a number (-1 where it is none) and its length; a sign is no digit."""
    unsigned = pl.when(~expr.str.starts_with("+")).then(expr.cast(pl.Int64, strict=False))
    return [unsigned.fill_null(-1), expr.str.len_bytes()]


def _dates(parts: Sequence[pl.Series]) -> pl.Series:
    number, length = (part.to_numpy() for part in parts)
    days, valid = _days(np.minimum(number, 9_999_999).astype(np.int32))
    return _valid_only(pl.Series(days).cast(pl.Date), valid & (length == 7))


def _datetimes(parts: Sequence[pl.Series]) -> pl.Series:
    number, length = (part.to_numpy() for part in parts)
    date = np.minimum(number // 1_000_000, 9_999_999).astype(np.int32)
    clock = (number % 1_000_000).astype(np.int32)
    days, valid = _days(date)
    hour, minute, second = clock // 10_000, clock // 100 % 100, clock % 100
    valid &= (length == 13) & (hour < 24) & (minute < 60) & (second < 60)
    microseconds = (days.astype(np.int64) * 86_400 + (hour * 3_600 + minute * 60 + second)) * 1_000_000
    return _valid_only(pl.Series(microseconds).cast(pl.Datetime("us")), valid)


def _days(number: NDArray[np.int32]) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
    """Days since 1970-01-01 of ROC dates as numbers, and whether each is a day of the calendar."""
    roc, month, day = number // 10_000, number // 100 % 100, number % 100
    year = roc + YEAR_BEFORE_FIRST
    leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    longest = np.where(month == 2, 28 + leap, 30 + ((month + month // 8) & 1))
    valid = (roc > 0) & (month >= 1) & (month <= 12) & (day >= 1) & (day <= longest)
    # Years that begin in March put the leap day last.
    shifted = year - (month < 3)
    before = 365 * shifted + shifted // 4 - shifted // 100 + shifted // 400
    return before + (153 * ((month + 9) % 12) + 2) // 5 + day - 719_469, valid


def _valid_only(values: pl.Series, valid: NDArray[np.bool_]) -> pl.Series:
    return values if valid.all() else values.set(pl.Series(~valid), None)


def _split(text: str, digits: int, form: str) -> tuple[int, str]:
    """Western year and the digits behind it."""
    if not (len(text) == digits and text.isascii() and text.isdigit()):
        raise ValueError(f"{text!r:.40} is not {digits} digits {form}")
    if text.startswith("000"):
        raise ValueError(f"{text!r} has ROC year 000, which does not exist")
    return YEAR_BEFORE_FIRST + int(text[:3]), text[3:]
