"""Deliveries, and who may report one without being insured (M13=ICND)."""

from __future__ import annotations

from datetime import date
from typing import Final

from polars import col

from nhicard.checks.rule import Breaks, any_order, count_orders, covered, rule
from nhicard.formats.assumptions import Assumptions

_UNINSURED: Final = "ICND"
_REJECTS_FROM: Final = date(2023, 9, 1)  # until then these codes only warned


@rule("2.0", "D15", warns_before=_REJECTS_FROM, off_without=("delivery_orders",))
def BB03(assume: Assumptions) -> Breaks:
    """生產醫令（D06）的備註說明 D15 必填；請補上。

    A delivery order (D06) needs the remark D15; fill it in.

    生產醫令名單由使用者設定，未設定時不檢查。112/9/1 前只提醒。The delivery orders are set by the user;
    without them nothing is checked. Before 112-09-01 this was a warning.
    """
    return col.D06.is_in(list(assume["delivery_orders"])) & col.D15.is_null()


@rule("2.0", "MB2", warns_before=_REJECTS_FROM, off_without=("delivery_orders",))
def BB07(assume: Assumptions) -> Breaks:
    """未具健保身分的生產案件（M13=ICND）須恰有一筆醫令，且為生產醫令；請核對 D06。

    The delivery of an uninsured woman (M13=ICND) carries exactly one order, a delivery; check D06.

    生產醫令名單由使用者設定，未設定時不檢查。112/9/1 前只提醒。The delivery orders are set by the user;
    without them nothing is checked. Before 112-09-01 this was a warning.
    """
    alone = count_orders(col.D06.is_not_null()) == 1
    delivery = any_order(col.D06.is_in(list(assume["delivery_orders"])))
    return (col.M13 == _UNINSURED) & ~(alone & delivery)


@rule("2.0", "M13", of_value=True, warns_before=_REJECTS_FROM)
def BB08() -> Breaks:
    """M03 就診日有健保身分，不可用 ICND（未具健保身分生產）；請改正就醫序號 M13。

    M03 is insured on the day of the visit, so ICND (delivery of an uninsured woman) must not be used; correct
    M13.

    112/9/1 前只提醒。Before 112-09-01 this was a warning.
    """
    return (col.M13 == _UNINSURED) & covered("insured", "M03", "M11")
