"""The heading of a result text: bracketed values, known by their labels or by their places."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final, NamedTuple

from nhicard.formats import rocdate

_BRACKETED: Final = re.compile(r"([^\[\]\n]*)\[+([^\[\]\n]*)\]+")
_USUAL: Final = 12  # values in the heading that clients take apart by place


def count(text: str) -> int | None:
    """A number with or without thousands separators and unit; None where there is none."""
    found = re.fullmatch(r"\s*([0-9][0-9,]*)\s*(?:bytes?|位元組|筆)?\s*", text, re.IGNORECASE)
    return int(found[1].replace(",", "")) if found else None


def moment(text: str) -> datetime | None:
    """A Western time of 14 digits (or 17, with milliseconds) or a ROC time of 13, separators ignored; else None."""
    digits = re.sub(r"[-/:. T年月日時分秒]", "", text)
    if not (digits.isascii() and digits.isdigit()):
        return None
    try:
        if len(digits) == 13:
            return rocdate.parse_datetime(digits)
        return datetime.strptime(digits[:14], "%Y%m%d%H%M%S") if len(digits) in (14, 17) else None
    except ValueError:
        return None


def _shaped(pattern: str) -> Callable[[str], str | None]:
    return lambda text: text if re.fullmatch(pattern, text) else None


class _Value(NamedTuple):
    """What a value is called in ``Result``, its place among twelve, its label, and how it is read."""

    name: str
    place: int
    label: str
    read: Callable[[str], Any]


# The labels are ours; the places of times, size and counts are those that a public client of the insurer uses.
_VALUES: Final = (
    _Value("institution", 0, "(?:院所|機構)代[碼號]", _shaped("[0-9A-Z]{10}")),
    _Value("sam", 1, "安全模組", _shaped("[0-9A-Za-z]{12}")),
    _Value("receipt", 2, "作業代碼|收據", _shaped(r"\S.{0,63}")),
    _Value("uploaded_at", 3, "上傳(?:日期)?時間", moment),
    _Value("size", 4, "檔案大小", count),
    _Value("records", 5, "(?:實際)?(?:收檔|接收)(?!醫令).*筆數", count),
    _Value("orders", 6, "(?:實際)?(?:收檔|接收)醫令.*筆數", count),
    _Value("kind", 7, "(?:上傳|資料)類別", _shaped(".*(?:[12][.]0|預檢|正式|[AB][123]).*")),
    _Value("checked_at", 8, "檢核時間", moment),
    _Value("accepted", 9, "有效(?!醫令).*(?:筆數|明細)", count),
    _Value("accepted_orders", 10, "有效醫令(?:筆數|明細)?", count),
    _Value("rejected", 11, "無效(?!醫令).*(?:筆數|明細)", count),
)


def read(text: str) -> dict[str, Any]:
    """The values by the names of ``Result``; those that are not there or not readable are left out."""
    found = [(label.split()[-1] if label.split() else "", value.strip()) for label, value in _BRACKETED.findall(text)]
    values: dict[str, Any] = {}
    for each in _VALUES:
        labelled = [value for label, value in found if re.fullmatch(f"(?:{each.label})[:：]?", label)]
        placed = [found[each.place][1]] if len(found) == _USUAL else []
        for candidate in (*labelled, *placed):
            if (value := each.read(candidate)) is not None:
                values[each.name] = value
                break
    return values


def unread_lines(text: str) -> list[tuple[int, str]]:
    """Lines without a bracketed value that are not the title, with their numbers from 0."""
    lines = enumerate(text.split("\n"))
    return [(at, line.strip()) for at, line in lines if line.strip() and "[" not in line and "檢核結果" not in line]
