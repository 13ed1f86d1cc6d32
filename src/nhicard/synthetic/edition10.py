"""The made-up visits as edition 1.0 tells them.

Edition 1.0 knows no identifiers and no test-result reports: such a report is told as an abnormal upload of
category CA without its order. Fees (consultation, dispensing) are no orders here.
"""

from __future__ import annotations

from typing import Final

import polars as pl
from polars import col

from nhicard.formats.batch import Batch
from nhicard.synthetic.telling import batch, choose, only, roc_date, roc_time

_ROLES: Final = ("drug", "procedure", "virtual", "allergy", "vaccine")
_OTHER_REASON: Final = "Z000"
_LATE: Final = ("late", "late_lost", "first_card")

_VISIT: Final = col.data_type != "2"
_REPORT: Final = col.data_type == "5"
_ABNORMAL: Final = (col.modifier == "abnormal") | _REPORT
_DRUG: Final = col.role == "drug"
_ORDER: Final = col.role.is_in(["drug", "procedure", "virtual"])


def tell(visits: pl.DataFrame, orders: pl.DataFrame, first_record: int) -> Batch:
    """The story's visits and orders as a batch of edition 1.0."""
    told = orders.filter(col.role.is_in(_ROLES))
    return batch("1.0", visits, told, _visit_fields(), _order_fields(), first_record)


def _visit_fields() -> dict[str, pl.Expr]:
    return {
        "A00": choose(_VISIT, "1", "2"),
        "A01": choose(_ABNORMAL, "2", "1"),
        "A02": pl.lit("1.0"),
        "A11": only(~_ABNORMAL, "card"),
        "A12": col.person,
        "A13": roc_date("birth"),
        "A14": col.institution,
        "A15": col.physician,
        "A16": only(~_ABNORMAL, "sam"),
        **{field: only(_VISIT, told) for field, told in _visit_data_fields().items()},
    }


def _visit_data_fields() -> dict[str, pl.Expr]:
    """What vaccination data does not have."""
    examined = col.item.is_not_null()
    prenatal = col.prenatal.is_not_null()
    cancelled_time = only(col.category == "ZB", col.time.dt.strftime("%H%M"))
    return {
        "A17": roc_time("time"),
        "A18": pl.when(_REPORT).then(pl.lit(_OTHER_REASON)).otherwise("number"),
        "A19": choose(col.modifier.is_in(_LATE), "2", "1"),
        "A20": roc_date("newborn_birth"),
        "A21": col.newborn_count,
        "A22": only(~_ABNORMAL, "signature"),
        "A23": col.category,
        "A24": col.newborn_mark,
        "A25": pl.coalesce("diagnosis_0", cancelled_time),
        "A26": col.diagnosis_1,
        "A27": col.diagnosis_2,
        "A31": col.fee,
        "A32": col.copay,
        "A33": col.stay_fee,
        "A34": col.stay_copay,
        "A41": col.item,
        "A42": only(examined, roc_date("time")),
        "A43": only(examined, "institution"),
        "A44": col.exam,
        "A51": only(prenatal, roc_date("time")),
        "A52": only(prenatal, "institution"),
        "A53": col.prenatal,
        "A54": roc_date("actual_time"),
        "A55": col.payment,
    }


def _order_fields() -> dict[str, pl.Expr]:
    return {
        "A71": only(_ORDER, roc_time("time")),
        "A72": pl.when(_DRUG)
        .then("order10")
        .when(col.role == "procedure")
        .then(pl.lit("3"))
        .when(col.role == "virtual")
        .then(pl.lit("G")),
        "A73": only(_ORDER, "code"),
        "A74": col.site,
        "A75": col.usage,
        "A76": col.days,
        "A77": only(_ORDER, "total"),
        "A78": pl.when(_DRUG).then("delivery10").when(col.role == "procedure").then(pl.lit("03")),
        "A79": only(_ORDER & ~_ABNORMAL, "order_signature"),
        "A80": only(col.role == "allergy", pl.lit("N")),
        "A81": col.allergy_name10,
        "A61": col.vaccine_name,
        "A62": only(col.role == "vaccine", roc_date("time")),
        "A63": only(col.role == "vaccine", "institution"),
        "A64": col.lot,
    }
