"""Fees and diagnosis by visit category: AH01-AH05."""

from typing import Final

import polars as pl
from polars import col

from nhicard.checks.rule import Breaks, any_order, as_int, rule
from nhicard.checks.rulebook.edition10.header import VISIT_DATA
from nhicard.formats.assumptions import Assumptions

# The categories that the five rules themselves enumerate.
_OUTPATIENT: Final = ["01", "02", "03", "04", "06", "07", "08"]
_STAY_SETTLED: Final = ["BB", "DC", "BF"]


def _of(categories: list[str]) -> pl.Expr:
    return VISIT_DATA & col.A23.is_in(categories)


def _none(amount: str) -> pl.Expr:
    """Whether an amount is 0 or blank."""
    return col(amount).is_null() | (as_int(amount) == 0)


def _some(amount: str) -> pl.Expr:
    return as_int(amount) != 0


@rule("1.0", assumptions=("ah01_fields", "ah01_exempt_orders"))
def AH01(assume: Assumptions) -> Breaks:
    """門診、急診的 {field}（{name}）不得為 0 或空白；請填入金額。

    An outpatient or emergency visit needs {field} ({name}), not 0 and not blank; enter the amount.

    有醫令 C05、C06 或 C07 時費用可為 0。部分負擔可為 0，免部分負擔的病人就是 0。
    With an order C05, C06 or C07 the fee may be 0. The co-payment may be 0: exempt patients pay none.
    """
    exempt = any_order(col.A73.is_in(assume["ah01_exempt_orders"]))
    return {amount: _of(_OUTPATIENT) & _none(amount) & ~exempt for amount in assume["ah01_fields"]}


@rule("1.0", "A33")
def AH02() -> Breaks:
    """出院或切帳（A23 為 BB、DC、BF）的 A33（住院醫療費用）不得為 0 或空白；請填入金額。

    A discharge or settlement (A23 BB, DC, BF) needs A33 (inpatient fee), not 0 and not blank; enter the
    amount.
    """
    return _of(_STAY_SETTLED) & _none("A33")


@rule("1.0", assumptions=("ah03_includes_category_05",))
def AH03(assume: Assumptions) -> Breaks:
    """門診、急診的 {field}（{name}）應為 0 或空白；請刪除此欄或改正 A23。

    An outpatient or emergency visit has no {field} ({name}): 0 or blank; leave it out or correct A23.
    """
    without_stay = [*_OUTPATIENT, "05"] if assume["ah03_includes_category_05"] else _OUTPATIENT
    return {amount: _of(without_stay) & _some(amount) for amount in ("A33", "A34")}


@rule("1.0")
def AH04() -> Breaks:
    """出院或切帳（A23 為 BB、DC、BF）的 {field}（{name}）應為 0 或空白；請刪除此欄或改正 A23。

    A discharge or settlement (A23 BB, DC, BF) has no {field} ({name}): 0 or blank; leave it out or correct
    A23.
    """
    return {amount: _of(_STAY_SETTLED) & _some(amount) for amount in ("A31", "A32")}


@rule("1.0", "A25")
def AH05() -> Breaks:
    """門診、急診有醫令時，A25（主要診斷碼）不得空白；請填入診斷碼。

    An outpatient or emergency visit with orders needs A25 (principal diagnosis); enter the diagnosis code.
    """
    return _of(_OUTPATIENT) & col.A25.is_null() & any_order(col.A72.is_not_null())
