"""What kind of record a visit is: data type, upload kind, late card, claim stream, copayment."""

from __future__ import annotations

from typing import Final

import polars as pl
from polars import col

from nhicard.formats import rocdate
from nhicard.formats.tables import codes
from nhicard.institution.visits.columns import table
from nhicard.institution.visits.table import Visits

MISSING: Final = "MISS0000000000000000"
_PARTS: Final = ("copayment_2", "copayment_3", "copayment_4")
_HOSPITAL, _CLINIC = "12", "11"


def data_type(told: Visits) -> dict[str, pl.Series]:
    """有疫苗而沒有醫令為 2，有檢驗結果通報代碼為 5，其他為 1（代碼表 H00；D057、D061）。

    2 for a vaccine without orders, 5 where an order is a test-result code, else 1 (code table H00; D057, D061).
    """
    results = [code for code, entry in codes("2.0", "D06-named").items() if entry.attr.startswith("group=result")]
    facts = told.with_facts_of_orders(
        vaccine=(col.vaccine.is_not_null() | col.vaccine_lot.is_not_null()).any() & col.order_code.is_null().all(),
        result=col.order_code.is_in(results).any(),
    )
    return facts.derive(
        data_type=pl.when("vaccine").then(pl.lit("2")).when("result").then(pl.lit("5")).otherwise(pl.lit("1"))
    )


def upload_kind(told: Visits) -> dict[str, pl.Series]:
    """就醫序號是異常代碼（如 C001）為異常上傳 B，其他為正常上傳 A（代碼表 M13；AD02、AE01）。

    B where the sequence number is one for abnormal uploads (such as C001), else A (code table M13; AD02, AE01).
    """
    abnormal = col.sequence_number.is_in(list(codes("2.0", "M13-abnormal"))) & (col.visit_category != "AC")
    return told.derive(upload_kind=pl.when(abnormal).then(pl.lit("B")).otherwise(pl.lit("A")))


def late_card(told: Visits) -> dict[str, pl.Series]:
    """補卡註記：沒有實際就醫時間為 1；實際就醫識別碼查不到（MISS）為 4；沒有識別碼而實際就醫在出生後 61 至 92 日為 3；
    其他為 2。註記為 4 時識別碼填 MISS（D054、D055、AA）。

    The late-card mark: 1 without an actual visit time, 4 where its identifier is lost (MISS), 3 without an identifier
    61 to 92 days after birth, else 2; with 4 the identifier is MISS (D054, D055, AA).
    """
    age = (_date("actual_visit_time") - rocdate.as_date(col.birth_date)).dt.total_days()
    without = col.actual_visit_identifier.is_null()
    mark = (
        pl.when(col.actual_visit_time.is_null() & without)
        .then(pl.lit("1"))
        .when(col.actual_visit_identifier == MISSING)
        .then(pl.lit("4"))
        .when(without & age.is_between(61, 92))
        .then(pl.lit("3"))
        .otherwise(pl.lit("2"))
    )
    return told.derive(late_mark=mark, actual_visit_identifier=pl.when(col.late_mark == "4").then(pl.lit(MISSING)))


def _date(column: str) -> pl.Expr:
    return rocdate.as_datetime(col(column)).dt.date()


def medical_category(told: Visits) -> dict[str, pl.Series]:
    """醫事類別：依院所種類（代碼前兩碼）可申報的類別，取第一個能與就醫類別搭配者；西醫診所比照西醫醫院。住院、藥局與
    檢驗結果通報沒有可填的值（代碼表 M56；D066；院所代碼）。

    The first claim stream of the institution's kind (first two characters of its code) that goes with the visit
    category; clinics are taken as hospitals are. Stays, pharmacies and test reports have none (code table M56; D066).
    """
    allowed = list(codes("2.0", "M56xM07"))
    kinds = table("institution_kinds")
    kind = col.institution.str.head(2)

    def stream(place: int) -> pl.Expr:
        streams = {row["code"]: row["medical_categories"].split()[place : place + 1] for row in kinds.to_dicts()}
        known = {code: found[0] for code, found in streams.items() if found}
        own = kind.replace_strict(known, default=None, return_dtype=pl.String)
        fits = pl.concat_str(own.replace(_CLINIC, _HOSPITAL), pl.lit("|"), "visit_category").is_in(allowed)
        return pl.when(fits).then(own)

    most = max(len(row.split()) for row in kinds["medical_categories"])
    chosen = pl.coalesce(stream(place) for place in range(most))
    return told.derive(medical_category=pl.when(col.data_type != "5").then(chosen))


def copayment(told: Visits) -> dict[str, pl.Series]:
    """門診部分負擔（M45）是部分負擔-2 至 -4（M53 至 M55）的合計（欄位表 M45、M53–M55）。

    The outpatient co-payment M45 is the sum of its parts M53 to M55 (field table).
    """
    parts = [col(part).cast(pl.Int64, strict=False) for part in _PARTS]
    known = pl.any_horizontal(col(part).is_not_null() for part in _PARTS)
    unreadable = pl.any_horizontal(
        col(part).is_not_null() & number.is_null() for part, number in zip(_PARTS, parts, strict=True)
    )
    return told.derive(outpatient_copayment=pl.when(known & ~unreadable).then(pl.sum_horizontal(parts)))
