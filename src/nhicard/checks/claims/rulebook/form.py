"""What the table says of each element: sent or not, characters, length, dates, codes, since when."""

from __future__ import annotations

from typing import Final

import polars as pl
from polars import col

from nhicard.checks.claims.rule import Break, Breaks, Vocabulary, as_minute, as_month, case, rule
from nhicard.checks.rule import as_date
from nhicard.formats.batch import Alphabet
from nhicard.formats.claims.tables import Element

_BIRTH: Final = r"^-?[0-9]{6,7}\z"
_PATTERNS: Final = {
    "number": (r"^-?[0-9]+\z", Alphabet.DIGIT),
    "amount": (r"^-?[0-9]+(?:\.[0-9]+)?\z", Alphabet.DIGIT),
    "date": (r"^[0-9]{7}\z", 0),
    "month": (r"^[0-9]{5}\z", 0),
    "minute": (r"^[0-9]{11}\z", 0),
    "birth": (_BIRTH, 0),
    "institution": (r"^(?:[0-9]{2}|9A)[0-9]{4}[0-9G-Z]{3}[0-9]\z", 0),
    "identifier": (r"^[0-9A-Z]{20}\z", Alphabet.DIGIT | Alphabet.UPPER),
}
_VIEWS: Final = {"date": as_date, "month": as_month, "minute": as_minute}


@rule()
def clm_101(of: Vocabulary) -> Breaks:
    """{element}（{name}）必須填寫；請補上。

    {element} ({name}) must be sent; add it.
    """
    return [Break(e.id, col(e.id).is_null(), of_value=False) for e in _elements(of) if e.required]


@rule()
def clm_102(of: Vocabulary) -> Breaks:
    """{element}（{name}）的格式不對；請填{zh}。

    {element} ({name}) has the wrong form; send {en}.
    """
    breaks = []
    for e in _elements(of):
        if e.form not in _PATTERNS:
            continue
        pattern, harmless = _PATTERNS[e.form]
        if e.form in _VIEWS:
            # a real date is well formed, and CLM-103 tells of the others
            broken = _VIEWS[e.form](e.id).is_null() & ~col(e.id).str.contains(pattern)
        else:
            broken = ~col(e.id).str.contains(pattern)
        view = e.form if e.form in _VIEWS else None
        exact = e.length if e.form == "identifier" else None
        breaks.append(Break(e.id, broken, int(harmless), exact, view=view, words=_FORMS[e.form]))
    return breaks


_FORMS: Final = {
    "number": {"zh": "整數", "en": "a whole number"},
    "amount": {"zh": "數字，可有小數點", "en": "a number, with a decimal point if need be"},
    "date": {"zh": "民國年月日 7 碼，如 1120701", "en": "7 digits yyyMMdd, as 1120701"},
    "month": {"zh": "民國年月 5 碼，如 11207", "en": "5 digits yyyMM, as 11207"},
    "minute": {"zh": "民國年月日時分 11 碼，如 11207010930", "en": "11 digits yyyMMddHHmm, as 11207010930"},
    "birth": {"zh": "民國年月日，民國前加負號", "en": "the ROC date, with a minus sign before ROC year 1"},
    "institution": {"zh": "10 碼醫事機構代碼", "en": "the institution code of 10 characters"},
    "identifier": {"zh": "20 碼就醫識別碼（數字與大寫英文字母）", "en": "20 digits and capital letters"},
}


@rule()
def clm_103(of: Vocabulary) -> Breaks:
    """{element}（{name}）不是日曆上的日期或時間；請核對。

    {element} ({name}) is no day or time of the calendar; check it.
    """
    return [
        Break(e.id, _VIEWS[e.form](e.id).is_null() & col(e.id).str.contains(_PATTERNS[e.form][0]), view=e.form)
        for e in _elements(of)
        if e.form in _VIEWS
    ]


@rule()
def clm_104(of: Vocabulary) -> Breaks:
    """{element}（{name}）超過 {length} 位元組（中文一字算 2）；請縮短。

    {element} ({name}) is longer than {length} bytes (a Chinese character counts two); shorten it.
    """
    return [
        Break(e.id, _bytes_of_big5(e.id) > e.length, longest=e.length)
        for e in _elements(of)
        if e.length and e.form not in ("date", "month", "minute", "institution", "identifier", "birth")
    ]


def _bytes_of_big5(name: str) -> pl.Expr:
    """Length in Big5: ASCII counts one, all else two."""
    value = col(name)
    return 2 * value.str.len_chars() - value.str.count_matches(r"[\x00-\x7F]")


@rule()
def clm_105(of: Vocabulary) -> Breaks:
    """{element}（{name}）不是可用的代碼；可填 {values}。

    {element} ({name}) is none of the codes; send one of {values}.
    """
    return [Break(e.id, ~col(e.id).is_in(list(e.values))) for e in _elements(of) if e.values]


@rule("visit_day")
def clm_106(of: Vocabulary) -> Breaks:
    """{element}（{name}）自 {since} 起的就醫才可填寫；請刪除。

    {element} ({name}) may be sent only for visits from {since} on; remove it.
    """
    day = as_date(of["visit_day"])
    return [
        Break(e.id, col(e.id).is_not_null() & ((day if e.level == "d" else case(day)) < e.since))
        for e in _elements(of)
        if e.since
    ]


def _elements(of: Vocabulary) -> list[Element]:
    return list(of.table.elements.values())
