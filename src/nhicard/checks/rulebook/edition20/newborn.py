"""Newborns who are seen on their parent's card (M08, M09, M10), and deliveries."""

from __future__ import annotations

from datetime import date
from string import ascii_uppercase
from typing import Final

import polars as pl
from polars import col

from nhicard.checks.rule import Breaks, as_date, as_int, rule
from nhicard.formats.assumptions import Assumptions
from nhicard.formats.tables import codes

_BIRTH_ORDER: Final = {letter: place for place, letter in enumerate(ascii_uppercase, start=1)}
_DAYS_AS_NEWBORN: Final = 60
_UNINSURED_DELIVERY: Final = "ICND"


def _ordinal() -> pl.Expr:
    """Birth order from M10: a and A are the first born."""
    return col.M10.str.to_uppercase().replace_strict(_BIRTH_ORDER, default=None, return_dtype=pl.Int64)


@rule(
    "2.0",
    "M10",
    of_value=True,
    assumptions=("newborn_ordinal_may_equal_count", "ba_and_bb02_both_reported"),
)
def BA(assume: Assumptions) -> Breaks:
    """新生兒就醫註記 M10 的出生序超過胞胎註記 M09（如單胞胎卻填 B）；請核對 M09、M10。

    The birth order in M10 exceeds the number of births M09 (B for a single child, say); check M09 and M10.

    出生序等於胞胎數是最後一胎，可以收；BB02 說的是同一件事。An order equal to the number is the last child
    and accepted; BB02 speaks of the same fault.
    """
    if not assume["ba_and_bb02_both_reported"]:
        return {}
    births = as_int("M09")
    return _ordinal() > births if assume["newborn_ordinal_may_equal_count"] else _ordinal() >= births


@rule("2.0", assumptions=("bc_only_when_count_present",))
def BB(assume: Assumptions) -> Breaks:
    """有新生兒就醫註記 M10，但缺{name} {field}；請補上 M09 與 M08。

    M10 marks a newborn, but {field} ({name}) is missing; fill in M09 and M08.

    只缺出生日期 M08 時報 BC。If only the date of birth M08 is missing, the code is BC.
    """
    broken = {"M09": col.M10.is_not_null() & col.M09.is_null()}
    if not assume["bc_only_when_count_present"]:
        broken["M08"] = col.M10.is_not_null() & col.M08.is_null()
    return broken


@rule("2.0", "M09", of_value=True)
def BB01() -> Breaks:
    """胞胎註記 M09 須為 1 至 5；請填實際胞胎數。

    The number of births M09 must be 1 to 5; enter how many children were born.
    """
    return ~col.M09.is_in(list(codes("2.0", "M09")))


@rule("2.0", "M10", of_value=True)
def BB02() -> Breaks:
    """新生兒就醫註記 M10 是第幾胎，不可大於胞胎註記 M09；請核對 M09、M10。

    M10 tells which of the children it is and cannot be beyond the number of births M09; check M09 and M10.
    """
    return _ordinal() > as_int("M09")


@rule("2.0", "M08", assumptions=("bc_only_when_count_present",))
def BC(assume: Assumptions) -> Breaks:
    """有新生兒就醫註記 M10，但缺新生兒出生日期 M08；請補上。

    M10 marks a newborn, but the newborn's date of birth M08 is missing; fill it in.
    """
    marked = (
        col.M10.is_not_null() & col.M09.is_not_null() if assume["bc_only_when_count_present"] else col.M10.is_not_null()
    )
    return marked & col.M08.is_null()


@rule("2.0", "M08", of_value=True)
def BI() -> Breaks:
    """新生兒出生（M08）超過 60 日，不能再用父母的卡就醫；請以新生兒本人的卡上傳，或改正 M08。

    More than 60 days after birth (M08) a newborn can no longer be seen on a parent's card; upload with the
    child's own card, or correct M08.

    補卡以實際就醫日 M49 計算。For a late card the actual visit M49 counts.
    """
    seen = pl.coalesce(as_date("M49"), as_date("M11"))
    return (seen - as_date("M08")).dt.total_days() > _DAYS_AS_NEWBORN


@rule("2.0", "D15", warns_before=date(2023, 9, 1), assumptions=("remark_id_pattern",))
def BB04(assume: Assumptions) -> Breaks:
    """未具健保身分生產（M13=ICND）的備註 D15 須寫胞胎註記及被依附者證號；請補上。

    For the delivery of an uninsured woman (M13=ICND) the remark D15 must hold the number of births and the
    identity number of the person whom the child depends on; fill it in.

    備註的排法未公布，只看有沒有一組證號。112/9/1 前只提醒。The layout of the remark is not public, so only an
    identity number is looked for. Before 112-09-01 this was a warning.
    """
    names_person = col.D15.str.contains(assume["remark_id_pattern"]).fill_null(False)
    return (col.M13 == _UNINSURED_DELIVERY) & col.D06.is_not_null() & ~names_person


@rule("2.0", "D06", once_a_file=("M03", "D06"), off_without=("delivery_orders",))
def C004(assume: Assumptions) -> Breaks:
    """同一個檔案內，同一人（M03）的生產醫令 D06 重複；請只保留一筆。

    The delivery order D06 of the same person (M03) occurs more than once in this file; keep one.
    """
    return col.D06.is_in(list(assume["delivery_orders"])) & col.M03.is_not_null()
