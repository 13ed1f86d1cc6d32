"""Type, length, range and presence of every 2.0 field."""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import Final

import polars as pl
from polars import col

from nhicard.checks.requirement import demanded, ever_demanded
from nhicard.checks.rule import Breaks, as_int, known, rule
from nhicard.checks.rulebook import form
from nhicard.formats.assumptions import Assumptions
from nhicard.formats.tables import codes, fields, order_fields

EDITION: Final = "2.0"
_ORDER_ONLY: Final = tuple(name for name in order_fields(EDITION) if name.startswith("D"))
_TO_BE_KEPT: Final = ("A", "B")  # upload kinds whose record is a visit, not a wish to delete one


def carries_order() -> pl.Expr:
    """Whether the MB2 is an order: an allergy or vaccine entry alone is none."""
    return reduce(or_, (col(name).is_not_null() for name in _ORDER_ONLY))


def _missing(field: str, assume: Assumptions) -> pl.Expr:
    blank = col(field).is_null()
    if field == "D11":
        return blank & carries_order() & ~col.D02.is_in(list(assume["unsigned_orders"])).fill_null(False)
    return blank & carries_order() if field in _ORDER_ONLY else blank


@rule(
    EDITION,
    assumptions=(
        "original_visit_categories",
        "original_number_required",
        "late_card_fields",
        "m51_required_categories",
    ),
)
def AA(assume: Assumptions) -> Breaks:
    """{field}（{name}）在此情況下為必填，但未填寫；請補上後重傳。

    {field} ({name}) is required in this situation but blank; fill it in and send again.

    領藥、調劑、排程檢查及同日再診須填原就醫的 M16、M17、M19（M18=ICND 除外）；補卡須填 M49 與 M52。
    Refills, dispensing, scheduled examinations and same-day returns need M16, M17 and M19 of the original visit
    (unless M18=ICND); a late card needs M49 and M52.
    """
    visit = (col.H00 == "1") & col.H01.is_in(list(_TO_BE_KEPT))
    points_back = visit & col.M07.is_in(list(assume["original_visit_categories"])) & col.M18.ne_missing("ICND")
    late = assume["late_card_fields"]
    broken = {name: points_back & col(name).is_null() for name in ("M16", "M17", "M19")}
    if assume["original_number_required"]:
        broken["M18"] = points_back & col.M18.is_null()
    for name in ("M49", "M52"):
        broken[name] = visit & col.M12.is_in(list(late[f"{name}_required"])) & col(name).is_null()
    broken["M51"] = visit & col.M07.is_in(list(assume["m51_required_categories"])) & col.M51.is_null()
    return broken


@rule(EDITION, assumptions=("aa01_fields_20",))
def AA01(assume: Assumptions) -> Breaks:
    """{field}（{name}）為必填且不得為 0；請填入實際數值。

    {field} ({name}) is required and must not be 0; enter the actual figure.
    """
    drug = col.D02.is_in(["1", "M"])
    return {name: drug & (col(name).is_null() | (as_int(name) == 0)) for name in assume["aa01_fields_20"]}


@rule(EDITION, assumptions=("aa02_fields",))
def AA02(assume: Assumptions) -> Breaks:
    """{field}（{name}）為必填，但未填寫；本筆不採計，請補上後重傳。

    {field} ({name}) is required but blank; the record does not count, fill it in and send again.
    """
    return {name: col(name).is_null() for name in assume["aa02_fields"]}


@rule(
    EDITION,
    assumptions=("derived_matrix_applies", "unsigned_orders", "entry_without_order_fields_is_no_order"),
)
def AA03(assume: Assumptions) -> Breaks:
    """依就醫類別 M07 與資料格式 H01，{field}（{name}）為必填，但未填寫；本筆不採計，請補上後重傳。

    With this visit category (M07) and upload kind (H01), {field} ({name}) is required but blank; the record does
    not count, fill it in and send again.

    官方附表二未公開，此處依 1.0 必填矩陣及 2.0 錯誤代碼推得。The official schedule 2 is not public; the matrix is
    derived from that of 1.0 and the 2.0 error texts, each cell with what it rests on.
    """
    if not assume["derived_matrix_applies"]:
        return {}
    required = ever_demanded(EDITION, "required")
    return {name: _missing(name, assume) & demanded(EDITION, "required", name) for name in required}


@rule(EDITION, of_form=True, harmless=form.harmless_type(EDITION))
def AB() -> Breaks:
    """{field}（{name}）的資料型態錯誤，應為{type}；請改正。

    {field} ({name}) is of the wrong type: it must be {type}; correct it.
    """
    checks = {each.field: form.wrong_type(each) for each in form.each(EDITION)}
    return {name: broken for name, broken in checks.items() if broken is not None}


@rule(EDITION, of_value=True, harmless=lambda _: form.ASCII, assumptions=("free_text_fields",))
def AB01(assume: Assumptions) -> Breaks:
    """{field}（{name}）含有中文或非預期的字元；請改用半形英數字。

    {field} ({name}) holds Chinese or other unexpected characters; use plain letters and digits.
    """
    free = set(assume["free_text_fields"])
    # Digits and quantities are AB's; a value with any other character is of the wrong type already.
    texts = [each.field for each in form.each(EDITION) if each.form in ("text", "code", "id")]
    return {name: col(name).str.len_bytes() != col(name).str.len_chars() for name in texts if name not in free}


@rule(EDITION, of_form=True)
def AC() -> Breaks:
    """{field}（{name}）的長度不符，應為{length}；請改正。

    {field} ({name}) has the wrong length: it must be {length}; correct it.
    """
    checks = {each.field: form.wrong_length(EDITION, each) for each in form.each(EDITION)}
    return {name: broken for name, broken in checks.items() if broken is not None}


@rule(EDITION, of_form=True)
def AD() -> Breaks:
    """{field}（{name}）的值不在允許範圍（{values}）；請改正。

    {field} ({name}) has a value outside what is allowed ({values}); correct it.
    """
    found = {each.field: form.out_of_range(EDITION, each, {}) for each in form.each(EDITION)}
    checks = {name: broken for name, broken in found.items() if broken is not None}
    checks["M10"] = ~col.M10.str.contains("^[A-Za-z]+$")
    return checks


@rule(EDITION, of_value=True, assumptions=("body_site_letters_combine", "tcm_body_sites_accepted"))
def AE(assume: Assumptions) -> Breaks:
    """{field}（{name}）的代碼不存在；請核對代碼表。

    {field} ({name}) is not a known code; check the code list.

    D14 比對健保署公布的給藥途徑清單，D07 比對部位與牙位代碼表。D14 is looked up in the insurer's list of
    routes, D07 in the table of body sites and tooth positions.
    """
    sites = "|".join(sorted(codes(EDITION, "D07"), key=len, reverse=True))
    if assume["tcm_body_sites_accepted"]:
        sites = f"C[0-6A-Z]|{sites}"
    return {
        "D07": ~col.D07.str.contains(f"^(?:{sites}){'+' if assume['body_site_letters_combine'] else ''}$"),
        "D14": ~known("routes", "D14") & ~col.D14.is_in(list(codes(EDITION, "D14"))),
    }


@rule(EDITION, assumptions=("ah_fields",))
def AH(assume: Assumptions) -> Breaks:
    """{field}（{name}）不得為 0 或空白；請填入實際數值。

    {field} ({name}) must not be 0 or blank; enter the actual figure.
    """
    return {name: col(name).is_null() | (as_int(name) == 0) for name in assume["ah_fields"] if name in fields(EDITION)}


@rule(EDITION, of_value=True, assumptions=("late_card_fields", "d05_absent_for"))
def AF(assume: Assumptions) -> Breaks:
    """{field}（{name}）在此情況下不應填寫；請刪除此欄。

    {field} ({name}) must not be sent in this situation; leave it out.

    非補卡案件不填 M49；虛擬醫令與矯正機關代號不填 D05。M49 belongs to late cards only; virtual orders and
    correctional institutions carry no D05.
    """
    late = assume["late_card_fields"]
    return {
        "M49": col.M12.is_in(list(late["M49_absent"])) & col.M49.is_not_null(),
        "M52": col.M12.is_in(list(late["M52_absent"])) & col.M52.is_not_null(),
        "D05": col.D02.is_in(list(assume["d05_absent_for"])) & col.D05.is_not_null(),
    }


@rule(EDITION, of_value=True, assumptions=("derived_matrix_applies", "absent_in_abnormal_uploads"))
def AF01(assume: Assumptions) -> Breaks:
    """依就醫類別 M07 與資料格式 H01，{field}（{name}）不應填寫；請刪除此欄。

    With this visit category (M07) and upload kind (H01), {field} ({name}) must not be sent; leave it out.

    官方附表二未公開，此處依 1.0 必填矩陣推得。The official schedule 2 is not public; the matrix is derived from 1.0.
    """
    if not assume["derived_matrix_applies"]:
        return {}
    forbidden = ever_demanded(EDITION, "forbidden")
    return {name: col(name).is_not_null() & demanded(EDITION, "forbidden", name) for name in forbidden}
