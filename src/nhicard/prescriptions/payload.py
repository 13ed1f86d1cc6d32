"""The text of a prescription: a version mark, header fields, then the fields of each order, joined by ``|``.

In a field a backslash is written ``\\\\``, ``|`` as ``\\p``, line feed as ``\\n`` and carriage return as ``\\r``,
so that a reader may split at every ``|``. The same prescription has one text; a text that is not that one is refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from types import MappingProxyType
from typing import Final

from nhicard.prescriptions.tables import Field, Owner, fields, kinds

MARK: Final = "NHIRX1"
MOST_ORDERS: Final = 100
_ESCAPES: Final = {"\\": "\\\\", "|": "\\p", "\n": "\\n", "\r": "\\r"}
_ESCAPED: Final = str.maketrans(_ESCAPES)
_PLAIN: Final = {escape: plain for plain, escape in _ESCAPES.items()}
_CONTROL: Final = re.compile(r"[\x00-\x09\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


class InvalidPrescription(ValueError):
    """A value that no prescription has; ``zh`` and ``en`` name field and remedy and never show the value."""

    def __init__(self, field: str, zh: str, en: str) -> None:
        self.field, self.zh, self.en = field, zh, en
        super().__init__(f"{zh} {en}")


@dataclass(frozen=True, slots=True)
class Prescription:
    """One prescription: values of ``data/fields.csv`` by name, all texts, empty where there is none.

    Dates are ``yyyyMMdd``, the signing time ``yyyyMMddHHmmss``, Taipei. Raises InvalidPrescription.
    """

    header: Mapping[str, str]
    orders: Sequence[Mapping[str, str]]

    def __post_init__(self) -> None:
        object.__setattr__(self, "header", _checked("header", self.header))
        object.__setattr__(self, "orders", tuple(_checked("order", order) for order in self.orders))
        if not 0 < len(self.orders) <= MOST_ORDERS:
            raise InvalidPrescription(
                "orders", f"處方須有 1 至 {MOST_ORDERS} 項醫令。", f"A prescription has 1 to {MOST_ORDERS} orders."
            )
        kind = kinds()[self.header["kind"]]
        if not 0 < int(self.header["dispensings"]) <= kind.most_dispensings:
            raise _wrong(_field("dispensings"), f"須為 1 至 {kind.most_dispensings}", f"1 to {kind.most_dispensings}")
        if kind.most_days and int(self.header["days"]) > kind.most_days:
            raise _wrong(_field("days"), f"最多 {kind.most_days} 日", f"at most {kind.most_days} days")

    @property
    def visit_date(self) -> date:
        """The day of the visit."""
        return _date(self.header["visit_date"])

    @property
    def signed_at(self) -> datetime:
        """When the physician's card signed, as the signer says."""
        return _time(self.header["signed_at"])

    def text(self) -> str:
        """The text that is signed."""
        told = [self.header[field.name] for field in fields("header")]
        for order in self.orders:
            told += [order[field.name] for field in fields("order")]
        return "|".join([MARK, *(value.translate(_ESCAPED) for value in told)])

    @classmethod
    def of_text(cls, text: str) -> Prescription:
        """The prescription of a text. Raises InvalidPrescription for anything but the one text of one."""
        mark, *told = text.split("|")
        heads, each = fields("header"), fields("order")
        if mark != MARK or len(told) < len(heads) or (len(told) - len(heads)) % len(each):
            raise InvalidPrescription("", "不是本版本的處方內容。", "It is no prescription of this version.")
        values = [re.sub(r"\\(.?)", _unescaped, value) for value in told]
        header = dict(zip((field.name for field in heads), values, strict=False))
        rest = values[len(heads) :]
        orders = [
            dict(zip((field.name for field in each), rest[at : at + len(each)], strict=True))
            for at in range(0, len(rest), len(each))
        ]
        found = cls(header, orders)
        if found.text() != text:
            raise InvalidPrescription("", "處方內容的寫法不對。", "The text is not written as it should be.")
        return found


def masked_physician(person: str) -> str:
    """The physician's ID as the text has it: ``B1****0002``."""
    return f"{person[:2]}****{person[6:]}"


def _unescaped(found: re.Match[str]) -> str:
    return _PLAIN.get(found[0], "\x00")  # refused with the control characters


def _checked(of: Owner, told: Mapping[str, str]) -> Mapping[str, str]:
    known = {field.name: field for field in fields(of)}
    if unknown := sorted(set(told) - set(known)):
        raise InvalidPrescription(unknown[0], f"沒有 {unknown[0]} 這個欄位。", f"There is no field {unknown[0]}.")
    values = {name: told.get(name, "") for name in known}
    for name, value in values.items():
        _check(known[name], value)
    return MappingProxyType(values)


def _check(field: Field, value: str) -> None:
    if not value:
        if field.required:
            raise _wrong(field, "不可空白", "it is required")
        return
    if len(value) > field.length:
        raise _wrong(field, f"最多 {field.length} 個字", f"at most {field.length} characters")
    if _CONTROL.search(value):
        raise _wrong(field, "有不能用的字元", "it has a character that cannot be used")
    if field.values and value not in field.values:
        allowed = " ".join(field.values)
        raise _wrong(field, f"只能是 {allowed}", f"one of {allowed}")
    try:
        is_fine = _FORMS[field.form](value)
    except ValueError:
        is_fine = False
    if not is_fine:
        raise _wrong(field, "格式不對", "its form is wrong")


def _wrong(field: Field, zh: str, en: str) -> InvalidPrescription:
    return InvalidPrescription(field.name, f"{field.zh}：{zh}。", f"{field.en}: {en}.")


def _field(name: str) -> Field:
    return next(field for field in fields("header") if field.name == name)


def _date(value: str) -> date:
    if not re.fullmatch(r"[0-9]{8}", value):
        raise ValueError
    return date(int(value[:4]), int(value[4:6]), int(value[6:]))


def _time(value: str) -> datetime:
    if not re.fullmatch(r"[0-9]{14}", value):
        raise ValueError
    hour, minute, second = (int(value[at : at + 2]) for at in (8, 10, 12))
    return datetime.combine(_date(value[:8]), time(hour, minute, second))


def _matching(pattern: str) -> Callable[[str], bool]:
    return lambda value: re.fullmatch(pattern, value) is not None


_FORMS: Final[Mapping[str, Callable[[str], bool]]] = {
    "text": lambda value: bool(value.strip()),
    "code": _matching(r"[0-9A-Z.+-]+"),
    "number": _matching(r"0|[1-9][0-9]*"),
    "quantity": _matching(r"(0|[1-9][0-9]*)(\.[0-9]*[1-9])?"),
    "masked": _matching(r"[A-Z][0-9A-Z]\*{4}[0-9]{4}"),
    "date": lambda value: bool(_date(value)),
    "time": lambda value: bool(_time(value)),
}
