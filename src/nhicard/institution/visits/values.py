"""Values of the Python API in the wire form of edition 2.0, and what is wrong with one that has none."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

from nhicard.formats import rocdate
from nhicard.formats.tables import codes, fields
from nhicard.institution.visits.columns import Column, FormName, Owner, columns, names

_SHOWN: Final = 14  # more codes than this are not listed in a sentence
_PERSONAL: Final = frozenset({"patient_id", "staff_id", "card_number", "birth_date", "newborn_birth_date"})


class InvalidVisit(ValueError):
    """A value that cannot be told; ``zh`` and ``en`` name column, value and remedy.

    It may end in a log, so what is personal is not shown.
    """

    def __init__(self, column: str, value: object, remedy_zh: str, remedy_en: str) -> None:
        known = columns()[column]
        shown = "***" if column in _PERSONAL else repr(value)
        place = f"{column}（{known.name_zh}）"
        self.column = column
        self.zh = f"{place}的值 {shown} 不能用：{remedy_zh}。"
        self.en = f"{column} ({known.name_en}) cannot be {shown}: {remedy_en}."
        super().__init__(f"{self.zh} {self.en}")


def wire(of: Owner, record: object) -> dict[str, str]:
    """The known attributes of a record in the wire form of edition 2.0; raises InvalidVisit."""
    known = columns()
    told = ((name, getattr(record, name)) for name in names(of))
    return {name: _wire(known[name], value) for name, value in told if value is not None}


def _wire(column: Column, value: Any) -> str:
    text = _FORMS[column.form](column, value)
    length = fields("2.0")[column.field20].length if column.field20 else None
    if length is not None and len(text.encode("cp950", "replace")) > length:
        raise InvalidVisit(
            column.column,
            value,
            f"最多 {length} 位（中文字算 2 位）",
            f"at most {length} bytes, two a Chinese character",
        )
    return text


def _text(column: Column, value: Any) -> str:
    if not isinstance(value, str):
        raise InvalidVisit(column.column, value, "須為文字", "give it as text (str)")
    if not value.strip():
        raise InvalidVisit(
            column.column, value, "不可為空白；沒有資料時請填 None", "it is blank; use None if not known"
        )
    return value


def _code(column: Column, value: Any) -> str:
    text = _text(column, value)
    known = codes("2.0", column.values)
    if text not in known:
        some = "、".join(known) if len(known) <= _SHOWN else f"見代碼表 {column.values}"
        some_en = ", ".join(known) if len(known) <= _SHOWN else f"see code table {column.values}"
        raise InvalidVisit(column.column, value, f"沒有這個代碼，可用的有：{some}", f"not a known code: {some_en}")
    return text


def _date(column: Column, value: Any) -> str:
    if not isinstance(value, date):
        raise InvalidVisit(column.column, value, "須為日期（datetime.date）", "give a date (datetime.date)")
    try:
        return rocdate.format_date(value)
    except ValueError:
        raise _no_roc_year(column, value) from None


def _time(column: Column, value: Any) -> str:
    if not isinstance(value, datetime) or value.tzinfo is not None:
        raise InvalidVisit(
            column.column,
            value,
            "須為不帶時區的臺北時間（datetime.datetime）",
            "give a naive Taipei time (datetime.datetime)",
        )
    try:
        return rocdate.format_datetime(value)
    except ValueError:
        raise _no_roc_year(column, value) from None


def _no_roc_year(column: Column, value: Any) -> InvalidVisit:
    return InvalidVisit(column.column, value, "年份須為民國 1 至 999 年", "the year must be 1912 to 2910")


def _number(column: Column, value: Any) -> str:
    if not isinstance(value, int) or isinstance(value, bool):
        raise InvalidVisit(column.column, value, "須為整數（int）", "give a whole number (int)")
    if column.form == "count" and value < 0:
        raise InvalidVisit(column.column, value, "不可為負數", "it must not be negative")
    return str(value)


def _quantity(column: Column, value: Any) -> str:
    if not isinstance(value, (int, Decimal)) or isinstance(value, bool) or not Decimal(value).is_finite() or value < 0:
        raise InvalidVisit(
            column.column, value, "須為 0 以上的數（int 或 Decimal）", "give a number from 0 (int or Decimal)"
        )
    tenths = Decimal(value) * 10
    if tenths != tenths.to_integral_value():
        raise InvalidVisit(column.column, value, "最多一位小數，請四捨五入", "one decimal at most; round it")
    return f"{Decimal(value):.1f}"


_FORMS: Final[Mapping[FormName, Callable[[Column, Any], str]]] = {
    "text": _text,
    "code": _code,
    "roc date": _date,
    "roc time": _time,
    "money": _number,
    "count": _number,
    "quantity": _quantity,
}
