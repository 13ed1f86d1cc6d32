"""Cancelling some of a day's visits: AD03."""

from functools import reduce
from operator import or_
from typing import Final

import polars as pl
from polars import col

from nhicard.checks.rule import Breaks, as_int, rule
from nhicard.checks.rulebook.edition10.header import VISIT_DATA
from nhicard.formats.assumptions import Assumptions

_TIMES: Final = ("A25", "A26", "A27", "A28", "A29", "A30")  # a cancellation has times in place of diagnoses
_LATEST: Final = 5959


def _is_time(field: str) -> pl.Expr:
    return ((col(field).str.len_bytes() == 4) & as_int(field).is_between(0, _LATEST)).fill_null(False)


@rule("1.0", "A23", assumptions=("ad03_categories",))
def AD03(assume: Assumptions) -> Breaks:
    """取消部分就醫類別（A23=ZB）時，A25 至 A30 至少一欄要填被取消就醫的時間，4 碼 0000-5959；請補上。

    To cancel some visits (A23=ZB), at least one of A25 to A30 must hold the time of a cancelled visit, four
    digits 0000 to 5959; fill it in.
    """
    named = reduce(or_, [_is_time(field) for field in _TIMES])
    return VISIT_DATA & col.A23.is_in(assume["ad03_categories"]) & ~named
