"""Values as people and programs write them, in the wire form of the edition: expressions, null where unreadable."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, Literal, NamedTuple

import polars as pl

from nhicard.formats import rocdate
from nhicard.formats.tables import Edition, Form, code_tables, codes, fields, forms
from nhicard.identity import institution_code
from nhicard.institution.mending.content import is_free_text, is_institution
from nhicard.institution.visits.columns import Column

Kind = Literal["text", "code", "date", "time", "number", "quantity"]

_KINDS: Final[Mapping[str, Kind]] = {
    "text": "text",
    "code": "code",
    "roc date": "date",
    "roc time": "time",
    "money": "number",
    "count": "number",
    "quantity": "quantity",
}
WHY: Final[Mapping[Kind, tuple[str, str]]] = {
    "date": (
        "看不出是哪一天；請填民國 7 位（1151119）、西元 8 位（20261119）或 2026/11/19",
        "it is no date; write 1151119, 20261119 or 2026/11/19",
    ),
    "time": (
        "看不出到秒的時間；請填民國 13 位（1151119093015）或 2026/11/19 09:30:15，秒不可省略",
        "it is no time to the second; write 1151119093015 or 2026/11/19 09:30:15, with the seconds",
    ),
    "number": ("須為整數", "it must be a whole number"),
    "quantity": ("須為 0 以上、最多一位小數的數", "it must be a number from 0 with one decimal at most"),
    "text": (
        "試算表把號碼改成科學記號，後面的數字已經遺失；請將該欄設為文字格式再填",
        "a spreadsheet wrote the number in scientific notation and lost digits; make the column text and fill it again",
    ),
}
_FULL_WIDTH: Final = {chr(code): chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)} | {"\u3000": " "}
_BLANKS: Final = " \t\r\n\u3000\xa0\ufeff\u200b"
_SEPARATED: Final = r"^(?:民國)?(?<year>[0-9]{3,4})[-/.年](?<month>[0-9]{1,2})[-/.月](?<day>[0-9]{1,2})日?"
_NO_CLOCK: Final = r"(?:[ T]+0?0:00(?::00(?:\.0+)?)?)?$"
_CLOCK: Final = (
    r"[ T]+(?:(?<before>上午|下午|[AaPp][Mm]) *)?(?<hour>[0-9]{1,2}):(?<minute>[0-9]{2}):(?<second>[0-9]{2})"
    r"(?:\.[0-9]+)?(?: *(?<after>[AaPp][Mm]))?(?:\+08:?00)?$"
)
_RUN_TOGETHER: Final = r"^(?<date>[0-9]{7,8})[ T]?(?<hour>[0-9]{2}):?(?<minute>[0-9]{2}):?(?<second>[0-9]{2})$"
_WHOLE: Final = r"^-?(?:[0-9]+|[0-9]{1,3}(?:,[0-9]{3})+)(?:\.0*)?$"
_TENTHS: Final = r"^(?<whole>[0-9]*)(?:\.(?<tenth>[0-9]?)0*)?$"
_SCIENTIFIC: Final = r"^[0-9](?:\.[0-9]+)?[Ee]\+[0-9]+$"


class Value(NamedTuple):
    """``clean``: the value without what is no content, null where blank. ``wire``: that in wire form, null where it
    cannot be told. ``kind`` says why (``WHY``)."""

    clean: pl.Expr
    wire: pl.Expr
    kind: Kind


def value(column: Column, edition: Edition) -> Value:
    """The values of the frame's column of that name, given in the codes of that edition."""
    field = column.field(edition)
    form = forms(edition)[field] if field else None
    kind: Kind = "date" if form is not None and form.form == "date" else _KINDS[column.form]
    clean = pl.col(column.column).str.strip_chars(_BLANKS)
    if form is None or not is_free_text(form):
        clean = clean.str.replace_many(list(_FULL_WIDTH), list(_FULL_WIDTH.values()))
    clean = pl.when(clean != "").then(clean)
    if kind == "text":
        return Value(clean, _text(clean, form, _width(edition, field)), kind)
    if kind == "code":
        return Value(clean, _code(clean, codes_of(column, edition)), kind)
    return Value(clean, _READERS[kind](clean), kind)


def _width(edition: Edition, field: str) -> int:
    """How long each value is, 0 where that varies or is not known."""
    fixed = bool(field) and forms(edition)[field].length_rule == "exact"
    return fields(edition)[field].length or 0 if fixed else 0


def _text(clean: pl.Expr, form: Form | None, width: int) -> pl.Expr:
    """Leading zeros that spreadsheets lose come back where each value has the same width; of an institution code only
    if its check digit then agrees."""
    if form is None or not width:
        return clean
    padded = clean.str.zfill(width)
    lost = clean.str.contains("^[0-9]+$") & (clean.str.len_bytes() < width)
    if is_institution(form):
        lost &= institution_code.check_digit_agrees(padded).fill_null(False)
    return pl.when(~clean.str.contains(_SCIENTIFIC)).then(pl.when(lost).then(padded).otherwise(clean))


def codes_of(column: Column, edition: Edition) -> list[str]:
    """The codes that the column may hold in that edition; none where no table says."""
    table = column.values if edition == "2.0" else forms("1.0")[column.field10].values or column.field10
    return list(codes(edition, table)) if table in code_tables(edition) else []


def _code(clean: pl.Expr, known: list[str]) -> pl.Expr:
    """Small letters and lost zeros are put right where a code of the table comes out; the rest is for the checks."""
    widths = {len(code) for code in known}
    meant = clean.str.to_uppercase().str.zfill(widths.pop()) if len(widths) == 1 else clean.str.to_uppercase()
    return pl.when(~clean.is_in(known) & meant.is_in(known)).then(meant).otherwise(clean)


def _date(clean: pl.Expr) -> pl.Expr:
    """``yyyMMdd``. Seven digits are a ROC date, six one that lost its zero, eight a Western one; a separated year has
    three digits (ROC) or four."""
    parts = clean.str.extract_groups(_SEPARATED + _NO_CLOCK).struct
    separated = pl.concat_str(_roc_year(parts.field("year")), *_two_digits(parts, "month", "day"))
    together = _day(pl.when(clean.str.contains("^[0-9]{6,8}$")).then(clean.str.zfill(7)))
    return _valid(pl.coalesce(separated, together), rocdate.as_date)


def _time(clean: pl.Expr) -> pl.Expr:
    """``yyyMMddHHmmss``; seconds are never made up, fractions of them dropped."""
    parts = clean.str.extract_groups(_SEPARATED + _CLOCK).struct
    half = pl.coalesce(parts.field("before"), parts.field("after")).str.to_lowercase()
    hour = parts.field("hour").cast(pl.Int64, strict=False)
    afternoon = half.is_in(["下午", "pm"])
    of_day = pl.when(half.is_null()).then(hour).otherwise(hour % 12 + pl.when(afternoon).then(12).otherwise(0))
    separated = pl.concat_str(
        _roc_year(parts.field("year")),
        *_two_digits(parts, "month", "day"),
        # 13 o'clock in the morning is nobody's time
        pl.when(half.is_null() | hour.is_between(0, 12)).then(of_day.cast(pl.String).str.zfill(2)),
        *_two_digits(parts, "minute", "second"),
    )
    run = clean.str.extract_groups(_RUN_TOGETHER).struct
    together = pl.concat_str(_day(run.field("date")), *_two_digits(run, "hour", "minute", "second"))
    return _valid(pl.coalesce(separated, together), rocdate.as_datetime)


def _day(digits: pl.Expr) -> pl.Expr:
    """``yyyMMdd`` of seven ROC or eight Western digits."""
    western = pl.concat_str(_roc_year(digits.str.head(4)), digits.str.slice(4))
    return pl.when(digits.str.len_bytes() == 8).then(western).otherwise(digits)


def _roc_year(year: pl.Expr) -> pl.Expr:
    """Three digits of a ROC year, from these or from a Western one; null before the first ROC year."""
    number = year.cast(pl.Int64, strict=False)
    roc = pl.when(year.str.len_bytes() == 3).then(number).otherwise(number - rocdate.YEAR_BEFORE_FIRST)
    return pl.when(roc.is_between(1, 999)).then(roc.cast(pl.String).str.zfill(3))


def _two_digits(parts: pl.expr.struct.ExprStructNameSpace, *wanted: str) -> list[pl.Expr]:
    return [parts.field(name).str.zfill(2) for name in wanted]


def _valid(told: pl.Expr, read: Callable[[pl.Expr], pl.Expr]) -> pl.Expr:
    return pl.when(read(told).is_not_null()).then(told)


def _number(clean: pl.Expr) -> pl.Expr:
    """A whole number without thousands separators and the ``.0`` that spreadsheets add."""
    plain = clean.str.replace_all(",", "", literal=True).str.replace(r"\.0*$", "")
    return pl.when(clean.str.contains(_WHOLE)).then(plain)


def _quantity(clean: pl.Expr) -> pl.Expr:
    """One decimal, as the wire has it; a second one that is not 0 cannot be told."""
    parts = clean.str.replace_all(",", "", literal=True).str.extract_groups(_TENTHS).struct
    whole, tenth = parts.field("whole"), parts.field("tenth").fill_null("")
    written = pl.concat_str(
        pl.when(whole == "").then(pl.lit("0")).otherwise(whole),
        pl.lit("."),
        pl.when(tenth == "").then(pl.lit("0")).otherwise(tenth),
    )
    return pl.when(clean.str.contains("[0-9]")).then(written)


_READERS: Final[Mapping[Kind, Callable[[pl.Expr], pl.Expr]]] = {
    "date": _date,
    "time": _time,
    "number": _number,
    "quantity": _quantity,
}
