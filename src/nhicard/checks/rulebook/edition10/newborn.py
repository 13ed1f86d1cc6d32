"""Newborns treated under a parent's card: BA, BB, BC, BI."""

from string import ascii_lowercase
from typing import Final

import polars as pl
from polars import col

from nhicard.checks.rule import Breaks, as_date, as_int, rule
from nhicard.checks.rulebook.edition10.header import VISIT_DATA
from nhicard.formats.assumptions import Assumptions

_ORDINALS: Final = {letter: number for number, letter in enumerate(ascii_lowercase, 1)}
_DAYS_UNDER_PARENTS_CARD: Final = 60
_AS_NEWBORN: Final = VISIT_DATA & col.A24.is_not_null()


@rule("1.0", "A24", assumptions=("newborn_ordinal_may_equal_count", "a24_is_a_letter"))
def BA(assume: Assumptions) -> Breaks:
    """A24（新生兒就醫註記）的胎次超過 A21（胞胎註記）的胎數；請改正其中一欄，a 為第一胎、b 為第二胎。

    A24 (newborn visit mark) names a later child than A21 (number of births) has; correct one of the two: a is
    the first child, b the second.
    """
    letter = col.A24.str.to_lowercase().replace_strict(_ORDINALS, default=None, return_dtype=pl.Int64)
    ordinal = letter if assume["a24_is_a_letter"] else as_int("A24")
    births = as_int("A21")
    return VISIT_DATA & (ordinal > births if assume["newborn_ordinal_may_equal_count"] else ordinal >= births)


@rule("1.0", "A24", assumptions=("bc_only_when_count_present",))
def BB(assume: Assumptions) -> Breaks:
    """有 A24（新生兒就醫註記）時，A21（胞胎註記）與 A20（新生兒出生日期）都要填；請補上。

    With A24 (newborn visit mark) both A21 (number of births) and A20 (newborn's birth date) are required;
    fill them in.

    只缺 A20 時改報 BC，一個錯誤只報一碼。Where only A20 is missing BC is reported instead: one code a fault.
    """
    missing = col.A21.is_null()
    return _AS_NEWBORN & (missing if assume["bc_only_when_count_present"] else missing | col.A20.is_null())


@rule("1.0", "A24", assumptions=("bc_only_when_count_present",))
def BC(assume: Assumptions) -> Breaks:
    """有 A24（新生兒就醫註記）時，A20（新生兒出生日期）須填；請補上。

    With A24 (newborn visit mark) A20 (newborn's birth date) is required; fill it in.
    """
    broken = _AS_NEWBORN & col.A20.is_null()
    return broken & col.A21.is_not_null() if assume["bc_only_when_count_present"] else broken


@rule("1.0", "A20")
def BI() -> Breaks:
    """就診日（A17）距 A20（新生兒出生日期）已超過 60 日，不能再以新生兒註記就醫；請改用新生兒
    本人的健保卡，或改正日期。

    The visit (A17) is more than 60 days after A20 (newborn's birth date), so the newborn mark no longer
    holds; use the child's own card, or correct the date.
    """
    last_day = as_date("A20") + pl.duration(days=_DAYS_UNDER_PARENTS_CARD)
    return _AS_NEWBORN & (as_date("A17") > last_day)
