"""How a prescription may be dispensed: days of supply, allowed and performed dispensings (M20 to M34)."""

from __future__ import annotations

from typing import Final

import polars as pl
from polars import col

from nhicard.checks.rule import Breaks, as_int, rule
from nhicard.formats.assumptions import Assumptions

_NO_DRUGS: Final = ("2", "E", "F")
_RELEASED: Final = ("1", "C", "D")
_DISPENSING: Final = ("AE", "AF")
_LONGEST_ORDINARY_SUPPLY: Final = 7  # days; what is dispensed in turns lasts longer
_MOST_REFILLS: Final = {"M26": 8, "M29": 4}


def _refill(field: str, assume: Assumptions) -> pl.Expr:
    """Which dispensing of a continuous prescription this was, from M33 or M34; 0 for none."""
    if assume["refill_number_is_first_character"]:
        return col(field).str.head(1).cast(pl.Int64, strict=False)
    return as_int(field)


def _is_dispensing() -> pl.Expr:
    return col.M07.is_in(list(_DISPENSING))


def _is_blank_or_zero(field: str) -> pl.Expr:
    return col(field).is_null() | (as_int(field) == 0)


@rule("2.0", of_value=True, assumptions=("inferred_fields",))
def D008(assume: Assumptions) -> Breaks:
    """{field}（{name}）須為給藥日份 M20 的倍數；請核對 {field} 與 M20。

    {field} ({name}) must be a multiple of the days of one supply M20; check both.
    """
    days = as_int("M20")
    return {total: (days > 0) & (as_int(total) % days != 0) for total in assume["inferred_fields"]["D008"]}


@rule("2.0", of_value=True, assumptions=("unnamed_fields",))
def D009(assume: Assumptions) -> Breaks:
    """可分次調劑（M26 大於 1）的慢性病連續處方箋，{field}（{name}）須大於 7 日；請核對 {field} 與 M26。

    A continuous prescription to be dispensed in turns (M26 above 1) covers more than 7 days: check {field}
    ({name}) and M26.

    官方未寫明欄位，以總給藥天數為準。The official text names no field; the total days are taken, the widest
    reading.
    """
    return {
        days: (as_int("M26") > 1) & (as_int(days) <= _LONGEST_ORDINARY_SUPPLY)
        for days in assume["unnamed_fields"]["D009"]
    }


@rule("2.0", of_value=True, assumptions=("unnamed_fields",))
def D010(assume: Assumptions) -> Breaks:
    """可分次調劑（M29 大於 1）的管制藥品連續處方箋，{field}（{name}）須大於 7 日；請核對 {field} 與 M29。

    A controlled-drug continuous prescription to be dispensed in turns (M29 above 1) covers more than 7 days:
    check {field} ({name}) and M29.

    官方未寫明欄位，以總給藥天數為準。The official text names no field; the total days are taken, the widest
    reading.
    """
    return {
        days: (as_int("M29") > 1) & (as_int(days) <= _LONGEST_ORDINARY_SUPPLY)
        for days in assume["unnamed_fields"]["D010"]
    }


@rule("2.0", "M23", of_value=True)
def D011() -> Breaks:
    """給藥日份 M20 大於 1 表示有開藥，處方調劑方式 M23 不可為 2、E、F；請改正 M23 或 M20。

    Days of supply M20 above 1 mean that drugs were prescribed, so M23 cannot be 2, E or F; correct M23 or
    M20.
    """
    return (as_int("M20") > 1) & col.M23.is_in(list(_NO_DRUGS))


@rule("2.0", of_value=True, assumptions=("inferred_fields",))
def D013(assume: Assumptions) -> Breaks:
    """只能調劑一次的處方箋，{field}（{name}）只可填 0 或 1；請改正。

    A prescription that is dispensed once only: {field} ({name}) must be 0 or 1; correct it.
    """
    return {count: ~as_int(count).is_between(0, 1) for count in assume["inferred_fields"]["D013"]}


def _lacks_refills(total_days: str, refills: str, most: int) -> pl.Expr:
    return (as_int(total_days) > 1) & ~as_int(refills).is_between(2, most).fill_null(False)


@rule("2.0", assumptions=("inferred_fields",))
def D014(assume: Assumptions) -> Breaks:
    """開立慢性病連續處方箋（M21 大於 1）時，{field}（{name}）必填，須為 2 至 8；請補正。

    With a continuous prescription (M21 above 1) {field} ({name}) is required and must be 2 to 8; correct it.
    """
    return {
        refills: _lacks_refills("M21", refills, _MOST_REFILLS["M26"]) for refills in assume["inferred_fields"]["D014"]
    }


@rule("2.0", of_value=True, assumptions=("inferred_fields",))
def D015(assume: Assumptions) -> Breaks:
    """沒有慢性病連續處方箋（M21 空白或 0）時，{field}（{name}）不可填；請刪除 {field}，或補填 M21。

    Without a continuous prescription (M21 blank or 0) {field} ({name}) must not be sent; remove it or fill in
    M21.
    """
    return {
        refills: _is_blank_or_zero("M21") & col(refills).is_not_null() for refills in assume["inferred_fields"]["D015"]
    }


@rule("2.0", assumptions=("inferred_fields",))
def D017(assume: Assumptions) -> Breaks:
    """開立管制藥品連續處方箋（M22 大於 1）時，{field}（{name}）必填，須為 2 至 4；請補正。

    With a controlled-drug continuous prescription (M22 above 1) {field} ({name}) is required and must be 2 to
    4; correct it.
    """
    return {
        refills: _lacks_refills("M22", refills, _MOST_REFILLS["M29"]) for refills in assume["inferred_fields"]["D017"]
    }


@rule("2.0", of_value=True, assumptions=("inferred_fields",))
def D018(assume: Assumptions) -> Breaks:
    """沒有管制藥品連續處方箋（M22 空白或 0）時，{field}（{name}）不可填；請刪除 {field}，或補填 M22。

    Without a controlled-drug continuous prescription (M22 blank or 0) {field} ({name}) must not be sent;
    remove it or fill in M22.
    """
    return {
        refills: _is_blank_or_zero("M22") & col(refills).is_not_null() for refills in assume["inferred_fields"]["D018"]
    }


@rule("2.0", of_value=True, assumptions=("refill_number_is_first_character",))
def D021(assume: Assumptions) -> Breaks:
    """開立當次就調劑連續處方箋（{field} 為 1 以上）時，同筆須有總給藥天數（M21 或 M22）及 2
    次以上的可調劑次數（M26 或 M29）；請補填，領藥者改正 M07。

    When the visit that issues a continuous prescription also dispenses it ({field} is 1 or more), the record
    needs its total days (M21 or M22) and two or more allowed dispensings (M26 or M29); fill them in, or
    correct M07 if this is a refill.

    M33 看 M21、M26，M34 看 M22、M29。M33 goes with M21 and M26, M34 with M22 and M29.
    """

    def undeclared(refill: str, total_days: str, allowed: str) -> pl.Expr:
        declared = (as_int(total_days) > 0) & (as_int(allowed) > 1)
        return ~_is_dispensing() & (_refill(refill, assume) >= 1) & ~declared.fill_null(False)

    return {"M33": undeclared("M33", "M21", "M26"), "M34": undeclared("M34", "M22", "M29")}


@rule("2.0", "M20", assumptions=("d036_blank_counts_as_zero",))
def D036(assume: Assumptions) -> Breaks:
    """處方調劑方式 M23 為 2、E、F 表示沒開藥，給藥日份 M20 須為 0；請改正 M20 或 M23。

    M23 of 2, E or F says that no drugs were prescribed, so the days of supply M20 must be 0; correct M20 or
    M23.
    """
    supplied = as_int("M20") != 0
    return col.M23.is_in(list(_NO_DRUGS)) & (
        supplied if assume["d036_blank_counts_as_zero"] else supplied | col.M20.is_null()
    )


@rule("2.0", of_value=True, assumptions=("refill_number_is_first_character",))
def D043(assume: Assumptions) -> Breaks:
    """連續處方箋交付院外調劑（M23 為 1、C、D）時，本院還沒調劑，{field}（{name}）須為 0；請改正 {field} 或
    M23。

    A continuous prescription that is released (M23 1, C, D) has not been dispensed here: {field} ({name})
    must be 0; correct it or M23.
    """
    issued = (as_int("M21") > 1).fill_null(False) | (as_int("M22") > 1).fill_null(False)
    released = issued & col.M23.is_in(list(_RELEASED))
    return {refill: released & (_refill(refill, assume) > 0) for refill in ("M33", "M34")}


@rule("2.0", "H01")
def D053() -> Breaks:
    """領藥與藥局調劑（M07 為 AE、AF）的資料格式 H01 不可為 C、E；註銷請由開立處方的院所上傳，刪除調劑紀錄用
    D。

    Records of dispensing (M07 AE, AF) cannot have upload kind C or E; the institution that prescribed
    cancels, and a dispensing record is deleted with D.
    """
    return _is_dispensing() & col.H01.is_in(["C", "E"])


@rule("2.0", of_value=True, assumptions=("refill_number_is_first_character",))
def D089(assume: Assumptions) -> Breaks:
    """連續處方箋第 2 次以後的調劑（{field} 首碼大於 1）須以領藥 AE 或藥局調劑 AF 上傳；請改正 M07 或
    {field}。

    The second and later dispensings of a continuous prescription ({field} begins with 2 or more) are reported
    as AE or AF; correct M07 or {field}.
    """
    return {refill: (_refill(refill, assume) > 1) & ~_is_dispensing() for refill in ("M33", "M34")}
