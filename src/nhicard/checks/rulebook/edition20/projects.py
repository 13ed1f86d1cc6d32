"""Programmes: orders that go with one sequence number, category, payment category or remark."""

from __future__ import annotations

from datetime import date
from typing import Final

import polars as pl
from polars import col

from nhicard.checks.rule import Breaks, any_order, as_date, count_orders, rule
from nhicard.checks.rulebook.edition20.orders import NORMAL_AND_ABNORMAL, in_each_field, named, one_of
from nhicard.formats.assumptions import Assumptions

_CASE_MANAGEMENT: Final = ("P7501C", "P7502C", "P7503C")  # AD67
_PAYMENT_CATEGORIES: Final = {  # AD72
    "TYPN11409RAG": ("8",),
    "EGKE11304HUA": ("8",),
    "CHEX11209PIN": ("1", "U"),
}
_NGS_NUMBER_SINCE: Final = date(2024, 10, 1)  # AD75
_COUNTED: Final = tuple(f"0{digit}" for digit in range(1, 10))


@rule("2.0", "M13", of_value=True)
def AD67() -> Breaks:
    """就醫序號 MSPT 只供個案管理使用：須恰有一筆 P7501C、P7502C 或 P7503C；請改 M13 或醫令。

    M13=MSPT is for case management: there must be exactly one order P7501C, P7502C or P7503C; mend M13 or
    D06.

    院所是否參加計畫、是否在效期內，須由保險人比對。Whether the institution takes part and the plan is in
    force is compared by the insurer.
    """
    fees = count_orders(one_of(col.D06, _CASE_MANAGEMENT))
    return (col.M13 == "MSPT") & one_of(col.H01, NORMAL_AND_ABNORMAL) & (fees != 1)


@rule("2.0", "M07", of_value=True, assumptions=("ad71_order_pattern", "uncounted_special_numbers_accepted"))
def AD71(assume: Assumptions) -> Breaks:
    """就醫序號 ICC4（癌症治療改善計畫）的就醫類別（M07）須為 CA，D06 限 P7701C 至 P7715B；
    請改 M13、M07 或 D06。

    M13=ICC4 (cancer treatment improvement plan) needs visit category (M07) CA and orders (D06) P7701C to
    P7715B; mend M13, M07 or D06.
    """
    plan = col.M13 == "ICC4"
    return {
        "M07": plan & (col.M07 != "CA"),
        "D06": ~pl.when(plan).then(col.D06).str.contains(assume["ad71_order_pattern"]),
    }


@rule("2.0", "M51")
def AD72() -> Breaks:
    """專案虛擬碼與給付類別（M51）不合：TYPN11409RAG、EGKE11304HUA 須填 8，CHEX11209PIN 須填 1 或 U；
    請改 M51。

    The project code and the payment category (M51) disagree: TYPN11409RAG and EGKE11304HUA need 8,
    CHEX11209PIN needs 1 or U; mend M51.
    """
    return pl.any_horizontal(
        [
            any_order(col.D06.eq(code)) & ~one_of(col.M51, categories).fill_null(False)
            for code, categories in _PAYMENT_CATEGORIES.items()
        ]
    )


@rule("2.0", "D15", off_without=("ngs_orders",), assumptions=("inferred_fields",))
def AD75(assume: Assumptions) -> Breaks:
    """次世代基因定序（NGS）醫令自 113 年 10 月 1 日就醫起，須在 {field} 填 VPN 核發的檢測編號；請補填。

    From visits on 113-10-01 a next-generation sequencing (NGS) order needs the number issued on the VPN in
    {field}.
    """
    sequencing = one_of(col.D06, assume["ngs_orders"]) & (as_date("M11") >= _NGS_NUMBER_SINCE)
    return in_each_field(assume, "inferred_fields", "AD75", sequencing)


@rule("2.0", assumptions=("unnamed_fields",))
def D006(assume: Assumptions) -> Breaks:
    """就醫類別 01-09 有 R001-R008、S001-S004 虛擬醫令時，{field}（{name}）必填；請補填。

    In visit categories 01-09 with a virtual order R001-R008 or S001-S004, {field} ({name}) is required; fill
    it in.
    """
    virtual = col.D06.is_in(named("virtual-R", "virtual-S")) & col.M07.is_in(_COUNTED)
    return in_each_field(assume, "unnamed_fields", "D006", virtual)
