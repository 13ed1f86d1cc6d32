"""The visit sequence number A18 by upload kind and visit category: AD01, AD02, AD13, AD14, AE01."""

from typing import Final

import polars as pl
from polars import col

from nhicard.checks.rule import Breaks, rule
from nhicard.checks.rulebook.edition10.header import ABNORMAL, NORMAL, VISIT_DATA, categories
from nhicard.formats.assumptions import Assumptions
from nhicard.formats.tables import codes

_PREVENTIVE: Final = col.A23 == "AC"
_IC_NUMBER: Final = col.A18.str.starts_with("IC") & (col.A18.str.len_bytes() == 4)


def _counted(assume: Assumptions) -> pl.Expr:
    """Whether the visit category uses up a sequence number."""
    table = codes("1.0", "A23")
    return col.A23.is_in([code for code in categories(assume) if code in table and "counted=yes" in table[code].attr])


def _counted_numbers(assume: Assumptions) -> list[str]:
    """Every number that a counted visit may carry."""
    ranges = [entry for entry in codes("1.0", "A18").values() if entry.attr == "state=normal;pattern=range"]
    return [
        number
        for entry in ranges
        if entry.basis == "official" or assume["virtual_card_numbers_accepted"]
        for number in _expanded(entry.code)
    ]


def _expanded(spread: str) -> list[str]:
    """``0001-1500`` as its numbers; a letter in front (``W001-W999``) stays."""
    low, high = spread.split("-")
    letters = low.rstrip("0123456789")
    digits = len(low) - len(letters)
    first, last = (int(end.removeprefix(letters)) for end in (low, high))
    return [f"{letters}{number:0{digits}}" for number in range(first, last + 1)]


def _abnormal_numbers(assume: Assumptions) -> list[str]:
    """The announced numbers for visits whose card was not fully read or written."""
    printed = [
        entry.code for entry in codes("1.0", "A18").values() if "obtained" in entry.attr and entry.basis == "official"
    ]
    return [*printed, *assume["later_numbers_accepted_in_10"]]


@rule("1.0", "A18", assumptions=("virtual_card_numbers_accepted", "later_categories_accepted_in_10"))
def AD01(assume: Assumptions) -> Breaks:
    """A23 為需累計的就醫類別，A18（就醫序號）須為 0001-1500；請填讀卡取得的序號。

    The visit category A23 is a counted one, so A18 (sequence number) must be 0001-1500; enter the number read
    from the card.

    只管正常上傳與其補正（A01 為 1、3）。虛擬健保卡的序號是 W001-W999。
    Holds for normal uploads and their corrections (A01 1, 3). Virtual cards have numbers W001-W999.
    """
    return NORMAL & _counted(assume) & ~col.A18.is_in(_counted_numbers(assume))


@rule("1.0", "A18", assumptions=("later_numbers_accepted_in_10",))
def AD02(assume: Assumptions) -> Breaks:
    """異常上傳（A01 為 2、4）時，A18（就醫序號）須為公告的異常代碼，如 A010；請改填代碼。

    In an abnormal upload (A01 2, 4) A18 (sequence number) must be one of the announced special numbers,
    such as A010; enter that number.
    """
    return ABNORMAL & ~col.A18.is_in(_abnormal_numbers(assume))


@rule("1.0", "A18", assumptions=("ad13_for_normal_uploads_only",))
def AD13(assume: Assumptions) -> Breaks:
    """預防保健（A23=AC）的 A18（就醫序號）須為 IC 開頭的 4 碼；請改正。

    For preventive care (A23=AC) A18 (sequence number) must be IC and two more characters; correct it.
    """
    uploads = NORMAL if assume["ad13_for_normal_uploads_only"] else VISIT_DATA
    return uploads & _PREVENTIVE & ~_IC_NUMBER


@rule(
    "1.0",
    "A18",
    assumptions=(
        "m13_blank_or_ic08",
        "uncounted_special_numbers_accepted",
        "later_categories_accepted_in_10",
    ),
)
def AD14(assume: Assumptions) -> Breaks:
    """A23 為不累計的就醫類別，正常上傳時 A18（就醫序號）應空白；請刪除此欄。

    The visit category A23 is not counted, so in a normal upload A18 (sequence number) must be blank; leave
    it out.

    IC08 與其他 IC 開頭的特殊序號（如職業傷害 IC06）也收。
    IC08 and the other special numbers that begin with IC (such as IC06, occupational injury) are accepted
    too.
    """
    broken = NORMAL & ~_counted(assume) & ~_PREVENTIVE & col.A18.is_not_null()
    if assume["uncounted_special_numbers_accepted"]:
        broken &= ~_IC_NUMBER | (col.A18 == "IC08")
    if assume["m13_blank_or_ic08"]:
        broken &= col.A18 != "IC08"
    return broken


@rule("1.0", "A18", assumptions=("later_categories_accepted_in_10", "later_numbers_accepted_in_10"))
def AE01(assume: Assumptions) -> Breaks:
    """A23 為不累計的就醫類別，正常上傳時 A18（就醫序號）不可填異常代碼；請刪除，或改以異常上傳（A01=2）。

    The visit category A23 is not counted, so in a normal upload A18 (sequence number) must not be a special
    number of an abnormal one; leave it out, or send the visit as abnormal (A01=2).

    預防保健（A23=AC）的序號本來就是 IC 加兩碼，IC89、IC98、IC09 在此不算異常代碼。
    Numbers of preventive care (A23=AC) are IC and two characters anyway, so IC89, IC98 and IC09 are no
    special numbers there.
    """
    special = col.A18.is_in(_abnormal_numbers(assume)) & ~(_PREVENTIVE & _IC_NUMBER)
    return NORMAL & ~_counted(assume) & special
