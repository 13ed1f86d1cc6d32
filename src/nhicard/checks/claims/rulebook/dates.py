"""Days: of the visit, of the month that is claimed, of the claim, of the orders."""

from __future__ import annotations

from typing import Final

import polars as pl
from polars import col

from nhicard.checks.claims.rule import Breaks, Vocabulary, as_minute, as_month, case, claim, rule
from nhicard.checks.rule import as_date

_ENDS: Final = ("end_day", "discharge_day", "visit_day")  # the last day of a case, the first of these that is sent


@rule("visit_day", "end_day")
def clm_401(of: Vocabulary) -> Breaks:
    """{element}（{name}）早於就醫（入院）日期；請核對兩個日期。

    {element} ({name}) is before the day of the visit or admission; check both.
    """
    ends = [of[role] for role in ("end_day", "discharge_day") if of.has(role)]
    return [(end, as_date(end) < as_date(of["visit_day"])) for end in ends]


@rule("visit_day", "month")
def clm_402(of: Vocabulary) -> Breaks:
    """{element}（{name}）不在費用年月之內；請核對日期，或改在該月申報。

    {element} ({name}) lies outside the month of the fees; check the date, or claim it in its own month.

    就醫跨月時，以治療結束（出院、申報期間迄）日期為準。Where a case goes on over several months, its last day counts.
    """
    present = [of[role] for role in _ENDS if of.has(role)]
    start = claim(as_month(of["month"]))
    breaks = []
    for place, element in enumerate(present):
        earlier = [as_date(other).is_null() for other in present[:place]]
        outside = (as_date(element) < start) | (as_date(element) > start.dt.month_end())
        breaks.append((element, pl.all_horizontal(outside, *earlier)))
    return breaks


@rule("birth", "visit_day")
def clm_403(of: Vocabulary) -> Breaks:
    """出生日期 {element} 晚於就醫日期；請核對。

    The birth {element} is after the day of the visit; check both.
    """
    return [(of["birth"], as_date(of["birth"]) > as_date(of["visit_day"]))]


@rule("claim_day", "month", severity="file")
def clm_404(of: Vocabulary) -> Breaks:
    """申報日期 {element} 早於費用年月，或晚於今天；請核對。

    The day of claiming {element} is before the month of the fees or after today; check it.
    """
    day = as_date(of["claim_day"])
    return [(of["claim_day"], (day < as_month(of["month"])) | (day > col("today")))]


@rule("first_day", "last_day", "month", severity="file")
def clm_405(of: Vocabulary) -> Breaks:
    """{element}（{name}）不在費用年月之內，或起日晚於迄日；請核對。

    {element} ({name}) lies outside the month of the fees, or the first day is after the last; check both.
    """
    start = as_month(of["month"])
    first, last = as_date(of["first_day"]), as_date(of["last_day"])
    return [
        (of["first_day"], (first < start) | (first > start.dt.month_end()) | (first > last)),
        (of["last_day"], (last < start) | (last > start.dt.month_end())),
    ]


@rule("order_from", "order_until")
def clm_406(of: Vocabulary) -> Breaks:
    """執行時間迄 {element} 早於執行時間起；請核對。

    The order ends ({element}) before it begins; check both times.
    """
    return [(of["order_until"], as_minute(of["order_until"]) < as_minute(of["order_from"]))]


@rule("order_from", "visit_day")
def clm_407(of: Vocabulary) -> Breaks:
    """執行時間 {element} 早於該案件的就醫（入院）日期；請核對。

    The order begins ({element}) before the day of its case's visit or admission; check both.
    """
    return [(of["order_from"], as_minute(of["order_from"]).dt.date() < case(as_date(of["visit_day"])))]


@rule("prescription_day", "visit_day")
def clm_408(of: Vocabulary) -> Breaks:
    """處方日期 {element} 晚於調劑日期；請核對。

    The prescription's day {element} is after the day of dispensing; check both.
    """
    return [(of["prescription_day"], as_date(of["prescription_day"]) > as_date(of["visit_day"]))]
