"""Serial numbers, and sums within a case: orders to parts, parts to the total, total to what is claimed."""

from __future__ import annotations

from typing import Final

import polars as pl
from polars import col

from nhicard.checks.claims.rule import Breaks, Vocabulary, count_alike, of_orders, repeated, rule
from nhicard.checks.rule import as_float, as_int

# Which order category each part of a case sums up. Fees (0, 9) are compared where an order of theirs is listed.
_PARTS: Final = {
    "drug_points": "1",
    "treatment_points": "2",
    "material_points": "3",
    "consultation_points": "0",
    "dispensing_points": "9",
}
_FEES: Final = ("0", "9")
_PRICED: Final = ("1", "2", "3")


@rule("category", "serial")
def clm_201(of: Vocabulary) -> Breaks:
    """同一案件分類內，流水號 {element} 重複；請重新編號。

    The serial number {element} stands twice in its case category; number the cases anew.
    """
    return [(of["serial"], repeated(of["category"], of["serial"]))]


@rule("category", "serial")
def clm_202(of: Vocabulary) -> Breaks:
    """流水號 {element} 應自 1 起連續編號，不超過該案件分類的件數；請重新編號。

    Serial numbers {element} count from 1 in each case category, without gaps; number the cases anew.
    """
    return [(of["serial"], (as_int(of["serial"]) < 1) | (as_int(of["serial"]) > count_alike(of["category"])))]


@rule("order_serial")
def clm_203(of: Vocabulary) -> Breaks:
    """同一案件內，醫令序 {element} 重複；請重新編號。

    The order number {element} stands twice in one case; number its orders anew.
    """
    return [(of["order_serial"], repeated("row", of["order_serial"]))]


@rule("order_category", "order_points")
def clm_211(of: Vocabulary) -> Breaks:
    """{element}（{name}）與該類醫令點數的合計不符；請核對醫令與點數。

    {element} ({name}) is not the sum of the points of its orders; check the orders and their points.

    用藥（1）、診療（2）、特材（3）逐類比對；診察費（0）、藥事服務費（9）有列醫令時才比對。Drugs (1), treatment (2)
    and materials (3) are compared; the fees (0, 9) only where an order of theirs is listed.
    """
    kind = col(of["order_category"])
    breaks = []
    for role, category in _PARTS.items():
        if not of.has(role) or (of.table.elements[of["order_category"]].values and not _may_hold(of, category)):
            continue
        where = kind == category
        broken = as_int(of[role]).fill_null(0) != of_orders(as_int(of["order_points"]), where)
        if category in _FEES:
            broken &= of_orders(pl.lit(1), where) > 0
        breaks.append((of[role], broken))
    return breaks


def _may_hold(of: Vocabulary, category: str) -> bool:
    return category in of.table.elements[of["order_category"]].values


@rule("total", "drug_points", "treatment_points", "material_points", "dispensing_points")
def clm_212(of: Vocabulary) -> Breaks:
    """合計點數 {element} 不等於各分項點數（用藥、診療、特材、診察、藥服）的和；請核對。

    The total {element} is not the sum of its parts (drugs, treatment, materials, consultation, dispensing); check them.
    """
    parts = [as_int(of[role]).fill_null(0) for role in _PARTS if of.has(role)]
    return [(of["total"], as_int(of["total"]) != pl.sum_horizontal(parts))]


@rule("total", "copayment", "claimed")
def clm_213(of: Vocabulary) -> Breaks:
    """申請點數 {element} 不等於合計點數減部分負擔點數；請核對三欄。

    The claimed points {element} are not the total less the copayment; check the three.
    """
    return [(of["claimed"], as_int(of["claimed"]) != as_int(of["total"]) - as_int(of["copayment"]))]


@rule("order_category", "order_quantity", "order_price", "order_share", "order_points", severity="warn")
def clm_214(of: Vocabulary) -> Breaks:
    """醫令點數 {element} 不等於總量乘單價乘成數（四捨五入）；請核對。

    The points {element} of the order are not quantity times price times share, rounded half up; check them.

    只提示，不退件：加成方式不一，公開資料未完整載明。It only warns: not every surcharge is in the public sources.
    """
    exact = as_float(of["order_quantity"]) * as_float(of["order_price"]) * as_float(of["order_share"]) / 100
    rounded = (exact + 0.5 + 1e-6).floor().cast(pl.Int64, strict=False)
    priced = col(of["order_category"]).is_in(list(_PRICED))
    return [(of["order_points"], priced & (as_int(of["order_points"]) != rounded))]


@rule("order_count")
def clm_215(of: Vocabulary) -> Breaks:
    """醫令總數 {element} 與實際醫令筆數不符；請核對。

    The number of orders {element} is not how many orders the case has; check it.
    """
    return [(of["order_count"], as_int(of["order_count"]) != of_orders(pl.lit(1), pl.lit(True)))]
