"""What edition 1.0 tells in fields of its own: preventive and prenatal examinations, vaccinations, allergies."""

from __future__ import annotations

from typing import Final

import polars as pl
from polars import col

from nhicard.formats.tables import codes
from nhicard.institution.visits.table import Visits

_PREVENTIVE: Final = "AC"
_CANCELS_SOME: Final = "ZB"


def examination(told: Visits) -> dict[str, pl.Series]:
    """預防保健（AC）的檢查項目：就醫序號 IC 之後兩碼，或兩碼的醫令代碼；保健服務項目由檢查項目得知
    （代碼表 A44、A53；AD13）。

    The examination of preventive care (AC): the two characters behind IC in the sequence number, or an order code of
    two characters; the preventive item follows from it (code tables A44, A53; AD13).
    """
    items = {
        code: entry.attr.split(";")[0].removeprefix("A41=")
        for code, entry in codes("1.0", "A44").items()
        if entry.attr.startswith("A41=0")
    }
    preventive, prenatal = [code for code in items if len(code) == 2], list(codes("1.0", "A53"))
    facts = told.with_facts_of_orders(
        ordered=col.order_code.filter(col.order_code.is_in([*preventive, *prenatal])).first()
    )
    number = col.sequence_number
    exam = pl.coalesce(
        pl.when(number.str.starts_with("IC") & number.str.slice(2).is_in([*preventive, *prenatal])).then(
            number.str.slice(2)
        ),
        "ordered",
    )
    known = (col.data_type == "1") & (col.visit_category == _PREVENTIVE)
    told_exam = pl.coalesce("preventive_exam", pl.when(known & exam.is_in(preventive)).then(exam))
    return facts.derive(
        preventive_exam=told_exam,
        preventive_item=told_exam.replace_strict(items, default=None, return_dtype=pl.String),
        prenatal_exam=pl.when(known & exam.is_in(prenatal)).then(exam),
    )


def examination_place(told: Visits) -> dict[str, pl.Series]:
    """預防保健、產檢的日期與院所同就診日期與院所（欄位表 A42、A43、A51、A52）。

    Day and institution of an examination are those of the visit (field table A42, A43, A51, A52).
    """
    preventive = col.preventive_item.is_not_null() | col.preventive_exam.is_not_null()
    prenatal = col.prenatal_exam.is_not_null()
    day = col.visit_time.str.head(7)
    return told.derive(
        preventive_date=pl.when(preventive).then(day),
        preventive_institution=pl.when(preventive).then("institution"),
        prenatal_date=pl.when(prenatal).then(day),
        prenatal_institution=pl.when(prenatal).then("institution"),
    )


def vaccination(told: Visits) -> dict[str, pl.Series]:
    """預防接種的日期與院所同就診日期與院所（欄位表 A62、A63）。

    Day and institution of a vaccination are those of the visit (field table A62, A63).
    """
    given = (col.data_type == "2") & (col.vaccine.is_not_null() | col.vaccine_lot.is_not_null())
    return told.derive_orders(
        vaccination_date=pl.when(given).then(col.visit_time.str.head(7)),
        vaccination_institution=pl.when(given).then("institution"),
    )


def allergy(told: Visits) -> dict[str, pl.Series]:
    """過敏藥物名稱在 1.0（A81）與 2.0（E04）相同；2.0 已填成分或類別代碼時不填 E04（欄位表 A81、E04；E003）。

    The name of the allergy drug is the same in 1.0 (A81) and 2.0 (E04); where 2.0 tells it by code, E04 stays blank
    (field table A81, E04; E003).
    """
    coded = col.allergy_ingredient.is_not_null() | col.allergy_drug_class.is_not_null()
    return told.derive_orders(allergy_text=pl.when(~coded).then("allergy_name"), allergy_name=col.allergy_text)


def cancelled_time(told: Visits) -> dict[str, pl.Series]:
    """取消部分就醫（ZB）未填被取消就醫的時間時，取就診時間的時分（欄位表 A25；AD03）。

    Where a partial cancellation (ZB) does not say of which visit, hour and minute of its own time (field table A25;
    AD03).
    """
    return told.derive(cancelled_time=pl.when(col.visit_category == _CANCELS_SOME).then(col.visit_time.str.slice(7, 4)))
