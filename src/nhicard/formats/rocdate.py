"""ROC dates and times, at the edges of the system only: inside it a date is a date.

``yyyMMdd`` (7 digits), ``yyyMMddHHmmss`` (13 digits) and ``yyyMM`` (5 digits), where ROC year n is 1911 + n.
Year 000 does not exist; an unknown clock time is written 000000, which reads as midnight. Times are Taipei's,
and naive: everybody in this story lives in one time zone without daylight saving.

The vectorised forms never raise, whatever the string: what is not exactly such a date is null.
"""

import datetime as dt
from typing import Final
from zoneinfo import ZoneInfo

import polars as pl

TAIPEI: Final = ZoneInfo("Asia/Taipei")
YEAR_BEFORE_FIRST: Final = 1911
LAST_YEAR: Final = YEAR_BEFORE_FIRST + 999


def as_date(expr: pl.Expr) -> pl.Expr:
    """``yyyMMdd`` strings as `pl.Date`; null where blank or not a date."""
    return _western(expr, 7).str.to_date("%Y%m%d", strict=False, cache=False)


def as_datetime(expr: pl.Expr) -> pl.Expr:
    """``yyyMMddHHmmss`` strings as naive ``pl.Datetime("us")``; null where blank or not a time."""
    time = _western(expr, 13).str.to_datetime("%Y%m%d%H%M%S", time_unit="us", strict=False, cache=False)
    # The parser takes second 60 for a leap second, which no card reader writes.
    return pl.when(~expr.str.ends_with("60")).then(time)


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


def _western(expr: pl.Expr, digits: int) -> pl.Expr:
    """The same digits with the Western year; null unless all are digits and the ROC year is not 000."""
    after_year = 10 ** (digits - 3)
    number = expr.cast(pl.Int64, strict=False)
    # A number of the right length is all digits unless it has a sign: + is looked for, - makes it negative.
    well_formed = (expr.str.len_bytes() == digits) & ~expr.str.starts_with("+") & (number >= after_year)
    western: pl.Expr = pl.when(well_formed).then(number) + YEAR_BEFORE_FIRST * after_year
    return western.cast(pl.String)


def _split(text: str, digits: int, form: str) -> tuple[int, str]:
    """Western year and the digits behind it."""
    if not (len(text) == digits and text.isascii() and text.isdigit()):
        raise ValueError(f"{text!r:.40} is not {digits} digits {form}")
    if text.startswith("000"):
        raise ValueError(f"{text!r} has ROC year 000, which does not exist")
    return YEAR_BEFORE_FIRST + int(text[:3]), text[3:]
