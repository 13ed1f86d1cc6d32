"""The made-up visits as edition 2.0 tells them.

A same-day return (AI) has no orders of its own here: they belong into the record of the first visit.
"""

from __future__ import annotations

from typing import Final

import polars as pl
from polars import col

from nhicard.formats.batch import Batch
from nhicard.synthetic.telling import batch, choose, only, roc_date, roc_time

_UNKNOWN_IDENTIFIER: Final = "MISS0000000000000000"
_ORDER_ROLES: Final = ("drug", "procedure", "fee", "virtual", "result")

_VISIT: Final = col.data_type == "1"
_REPORT: Final = col.data_type == "5"
_ABNORMAL: Final = (col.modifier == "abnormal") | _REPORT
_DRUG: Final = col.role == "drug"
_ORDER: Final = col.role.is_in(_ORDER_ROLES)
_SIGNED: Final = col.role.is_in(["drug", "procedure", "virtual"])  # edition 1.0 asks it of virtual orders too


def tell(visits: pl.DataFrame, orders: pl.DataFrame, first_record: int) -> Batch:
    """The story's visits and orders as a batch of edition 2.0."""
    returns = visits["category"] == "AI"
    told = orders.filter(~returns[orders["visit"]])
    return batch("2.0", visits, told, _visit_fields(), _order_fields(), first_record)


def _visit_fields() -> dict[str, pl.Expr]:
    late = {"late": "2", "first_card": "3", "late_lost": "4"}
    lost = col.modifier == "late_lost"
    actual = pl.when(lost).then(pl.lit(_UNKNOWN_IDENTIFIER)).otherwise("actual_identifier")
    return {
        "H00": col.data_type,
        "H01": choose(_ABNORMAL, "B", "A"),
        "M01": only(~_ABNORMAL, "sam"),
        "M02": only(~_ABNORMAL, "card"),
        "M03": col.person,
        "M04": roc_date("birth"),
        "M05": col.institution,
        "M06": col.physician,
        "M07": col.category,
        "M08": roc_date("newborn_birth"),
        "M09": col.newborn_count,
        "M10": col.newborn_mark,
        "M11": roc_time("time"),
        "M12": col.modifier.replace_strict(late, default="1", return_dtype=pl.String),
        "M13": col.number,
        "M14": only(~_ABNORMAL, "signature"),
        "M15": col.identifier,
        "M16": col.original_identifier,
        "M17": col.original_institution,
        "M18": col.original_number,
        "M19": roc_time("original_time"),
        "M20": col.days,
        "M21": col.total_days,
        "M23": col.mode,
        "M24": col.once_a,
        "M25": col.once_b,
        "M26": col.refills,
        "M33": col.refill,
        "M35": col.diagnosis_0,
        "M36": col.diagnosis_1,
        "M37": col.diagnosis_2,
        "M44": col.fee,
        "M45": col.copay,
        "M46": col.stay_fee,
        "M47": col.stay_copay,
        "M49": roc_time("actual_time"),
        "M51": col.payment,
        "M52": only(col.actual_time.is_not_null(), actual),
        "M56": only(~_REPORT, _medical_category()),
    }


def _medical_category() -> pl.Expr:
    western = choose(col.letter == "H", "12", "11")
    return pl.when(col.stream == "western").then(western).otherwise("stream")


def _order_fields() -> dict[str, pl.Expr]:
    allergy = col.role == "allergy"
    vaccine = col.role == "vaccine"
    return {
        "D01": only(_ORDER, roc_time("time")),
        "D02": pl.when(_DRUG)
        .then("order")
        .when(col.role == "procedure")
        .then(pl.lit("2"))
        .when(col.role == "fee")
        .then("fee_category")
        .when(_ORDER)
        .then(pl.lit("G")),
        "D03": only(_ORDER, col.place.cast(pl.String).str.zfill(3)),
        "D04": only(_DRUG, "prescription"),
        "D05": pl.when(_DRUG).then("dispensing").when(col.role == "procedure").then(pl.lit("0")),
        "D06": only(_ORDER, "code"),
        "D07": col.site,
        "D08": col.usage,
        "D09": col.days,
        "D10": only(_ORDER, "total"),
        "D11": only(_SIGNED & ~_ABNORMAL, "order_signature"),
        "D14": col.route,
        "D15": col.remark,
        "E01": only(allergy, pl.lit("N")),
        "E02": col.allergy_ingredient,
        "E03": col.allergy_drug_class,
        "E04": col.allergy_text,
        "E05": col.allergy_symptom,
        "E07": col.allergy_severity,
        "E08": col.allergy_source,
        "E09": col.allergy_source_note,
        "E13": col.allergy_result,
        "V01": col.lot,
        "V02": only(vaccine, "vaccine_name"),
    }
