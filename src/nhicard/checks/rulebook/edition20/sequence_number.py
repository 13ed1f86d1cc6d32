"""The visit sequence number M13: normal numbers, special numbers, codes for abnormal uploads."""

from __future__ import annotations

from string import digits
from typing import Final

from polars import col

from nhicard.checks.rule import Breaks, rule
from nhicard.formats.assumptions import Assumptions
from nhicard.formats.tables import Code, codes

_NUMBERED: Final = tuple(f"0{n}" for n in range(1, 10))  # 01-09: a visit counts and takes the next number
_DESIGNATED: Final = "00"
_PREVENTIVE: Final = "AC"
_CARD_NUMBERS: Final = "0001-1500"
_VIRTUAL_CARD_NUMBERS: Final = "W001-W999"
_ANY_PREVENTIVE_NUMBER: Final = "IC??"
_NO_NUMBER: Final = "IC08"  # the 1.0 way to say that there is none


def _spelled_out(code: Code) -> list[str]:
    """All numbers that one entry of the table of special numbers stands for."""
    if "pattern=range" in code.attr:
        first, last = code.code.split("-")
        stem = first.rstrip(digits)
        if stem == first:
            return [first[:-1] + chr(letter) for letter in range(ord(first[-1]), ord(last[-1]) + 1)]
        low, high = first.removeprefix(stem), last.removeprefix(stem)
        return [f"{stem}{n:0{len(low)}d}" for n in range(int(low), int(high) + 1)]
    if "pattern=regex" in code.attr:
        stem, *places = code.code.split("[0-9]")
        return [f"{stem}{n:0{len(places)}d}" for n in range(10 ** len(places))]
    return [code.code]


def _normal_numbers(assume: Assumptions) -> list[str]:
    table = codes("2.0", "M13-special")
    virtual = [_VIRTUAL_CARD_NUMBERS] if assume["virtual_card_numbers_accepted"] else []
    return [number for entry in (_CARD_NUMBERS, *virtual) for number in _spelled_out(table[entry])]


def _special_numbers(assume: Assumptions) -> list[str]:
    """Numbers for a certain purpose; those of preventive care are AD13's."""
    others = (_CARD_NUMBERS, _VIRTUAL_CARD_NUMBERS, _ANY_PREVENTIVE_NUMBER)
    table = codes("2.0", "M13-special").values()
    return [
        number
        for entry in table
        if entry.code not in others and _is_accepted(entry, assume)
        for number in _spelled_out(entry)
    ]


def _abnormal_numbers(assume: Assumptions) -> list[str]:
    return [
        entry.code
        for entry in codes("2.0", "M13-abnormal").values()
        if _is_accepted(entry, assume)
        and ("NOT in the 2.0 client list" not in entry.attr or entry.code in assume["client_list_gaps_accepted"])
    ]


def _is_accepted(entry: Code, assume: Assumptions) -> bool:
    return bool(entry.name_zh) or "M13" in assume["unnamed_values_accepted"]


@rule("2.0", "M13", of_value=True, assumptions=("virtual_card_numbers_accepted",))
def AD01(assume: Assumptions) -> Breaks:
    """正常上傳的 01-09 就醫，就醫序號 M13 須為讀卡取得的 0001-1500；請改填卡片上的序號，讀卡異常者改以 H01=B
    上傳。

    In a normal upload of a visit 01-09 the sequence number M13 must be one read from the card, 0001 to 1500;
    enter that number, or upload as abnormal (H01=B) if the card could not be read.

    虛擬健保卡的 W001-W999 也收。W001 to W999 of virtual cards are accepted too.
    """
    return (col.H01 == "A") & col.M07.is_in(list(_NUMBERED)) & ~col.M13.is_in(_normal_numbers(assume))


@rule("2.0", "M13", of_value=True, assumptions=("client_list_gaps_accepted", "unnamed_values_accepted"))
def AD02(assume: Assumptions) -> Breaks:
    """異常上傳（H01=B）的 M13 須為公告的異常就醫序號（如 A000、C001）；請依無法讀卡的原因改填。

    In an abnormal upload (H01=B) M13 must be one of the published abnormal codes, such as A000 or C001; enter
    the one for the reason why the card was not read.
    """
    return (col.H01 == "B") & ~col.M13.is_in(_abnormal_numbers(assume))


@rule("2.0", "M13", of_value=True, assumptions=("ad13_for_normal_uploads_only",))
def AD13(assume: Assumptions) -> Breaks:
    """預防保健（M07=AC）的 M13 須以 IC 開頭，共 4 碼；請改填該項保健服務的序號。

    For preventive care (M07=AC) M13 must be four characters that begin with IC; enter the number of the
    service.

    只看正常上傳，否則異常上傳無碼可填。Normal uploads only: hardly any code for abnormal uploads begins with
    IC.
    """
    kinds = ["A"] if assume["ad13_for_normal_uploads_only"] else ["A", "B"]
    preventive_number = col.M13.str.starts_with("IC") & (col.M13.str.len_bytes() == 4)
    return (col.M07 == _PREVENTIVE) & col.H01.is_in(kinds) & ~preventive_number


@rule(
    "2.0",
    "M13",
    of_value=True,
    assumptions=(
        "m13_blank_or_ic08",
        "uncounted_special_numbers_accepted",
        "designated_care_number_optional",
        "virtual_card_numbers_accepted",
        "unnamed_values_accepted",
    ),
)
def AD14(assume: Assumptions) -> Breaks:
    """正常上傳時，不累計就醫次數的類別（01-09、AC 以外）不填就醫序號 M13；請將 M13 留空。

    In a normal upload M13 must be left blank at categories that do not count a visit (all but 01-09 and AC).

    IC08 及特殊序號（如 ICC4、IC06）不算違反；指定就醫（00）可填 0001-1500。IC08 and the special numbers, such
    as ICC4 or IC06, are let pass; designated care (00) may carry a number 0001 to 1500.
    """
    special = _special_numbers(assume) if assume["uncounted_special_numbers_accepted"] else []
    passed = [number for number in special if number != _NO_NUMBER]
    wrong = ~col.M13.is_in([*passed, _NO_NUMBER] if assume["m13_blank_or_ic08"] else passed)
    if assume["designated_care_number_optional"]:
        wrong &= (col.M07 != _DESIGNATED) | ~col.M13.is_in(_normal_numbers(assume))
    return (col.H01 == "A") & ~col.M07.is_in([*_NUMBERED, _PREVENTIVE]) & wrong


@rule("2.0", "M13", of_value=True, assumptions=("client_list_gaps_accepted", "unnamed_values_accepted"))
def AE01(assume: Assumptions) -> Breaks:
    """正常上傳（H01=A）不可填異常就醫序號；請清除 M13，或改以異常上傳（H01=B）。

    A normal upload (H01=A) must not carry an abnormal code in M13; clear it, or upload as abnormal (H01=B).

    01-09 由 AD01 檢查。AD01 checks the categories 01-09.
    """
    counted = [code for code, entry in codes("2.0", "M07").items() if "counted=yes" in entry.attr]
    return (col.H01 == "A") & ~col.M07.is_in(counted) & col.M13.is_in(_abnormal_numbers(assume))


@rule("2.0", "M12")
def D020() -> Breaks:
    """新特約院所（M13=G000）不算補卡，補卡註記 M12 須為 1；請改正 M12 或 M13。

    A newly contracted institution (M13=G000) does not report late cards: M12 must be 1; correct M12 or M13.
    """
    return (col.M13 == "G000") & (col.M12 != "1")
