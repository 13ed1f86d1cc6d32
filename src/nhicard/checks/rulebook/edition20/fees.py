"""Fees and the principal diagnosis: what outpatient visits and discharges must and must not carry."""

from __future__ import annotations

from typing import Final

import polars as pl
from polars import col

from nhicard.checks.rule import Breaks, any_order, as_int, rule

_OUTPATIENT: Final = ("01", "02", "03", "04", "06", "07", "08", "09")
_SETTLED_STAY: Final = ("BB", "DC", "BF")


def _at(categories: tuple[str, ...]) -> pl.Expr:
    return col.M07.is_in(list(categories))


def _reports_visit() -> pl.Expr:
    """Cancelling and deleting (H01 C, D, E) only name the stored record; nothing else has to be filled in."""
    return col.H01.is_in(["A", "B"])


def _is_zero_or_blank(amount: str) -> pl.Expr:
    return col(amount).is_null() | (as_int(amount) == 0)


def _is_charged(amount: str) -> pl.Expr:
    return as_int(amount) != 0


def _has_order() -> pl.Expr:
    return any_order(col.D02.is_not_null())


@rule("2.0", "M44")
def AH01() -> Breaks:
    """門診、急診有醫令時，門診醫療費用 M44 不可為 0 或空白；請填入當次費用。

    With orders in an outpatient or emergency visit the outpatient fee M44 must be neither 0 nor blank; enter
    it.
    """
    return _at(_OUTPATIENT) & _reports_visit() & _has_order() & _is_zero_or_blank("M44")


@rule("2.0", "M46")
def AH02() -> Breaks:
    """出院、切帳（M07 為 BB、DC、BF）時，住院醫療費用 M46 不可為 0 或空白；請填入當次費用。

    At discharge or interim settlement (M07 BB, DC, BF) the inpatient fee M46 must be neither 0 nor blank;
    enter it.
    """
    return _at(_SETTLED_STAY) & _reports_visit() & _is_zero_or_blank("M46")


@rule("2.0")
def AH03() -> Breaks:
    """門診、急診不會有住院費用，{field}（{name}）須為 0 或空白；請改填在門診費用欄，或改正 M07。

    An outpatient or emergency visit has no inpatient costs: {field} ({name}) must be 0 or blank; use the
    outpatient fields or correct M07.
    """
    return {amount: _at(_OUTPATIENT) & _is_charged(amount) for amount in ("M46", "M47")}


@rule("2.0")
def AH04() -> Breaks:
    """出院、切帳（M07 為 BB、DC、BF）不會有門診費用，{field}（{name}）須為 0 或空白；請改填在住院費用欄，
    或改正 M07。

    A discharge or interim settlement (M07 BB, DC, BF) has no outpatient costs: {field} ({name}) must be 0 or
    blank; use the inpatient fields or correct M07.
    """
    return {amount: _at(_SETTLED_STAY) & _is_charged(amount) for amount in ("M44", "M45")}


@rule("2.0", "M35")
def AH05() -> Breaks:
    """門診、急診有醫令時，主要診斷碼 M35 不可空白；請填入診斷碼。

    With orders in an outpatient or emergency visit the principal diagnosis M35 must not be blank; enter it.
    """
    return _at(_OUTPATIENT) & _reports_visit() & _has_order() & col.M35.is_null()
