"""The copayment elements and codes of 112-07."""

from __future__ import annotations

from datetime import date
from typing import Final

import polars as pl
from polars import col

from nhicard.checks.claims.rule import Breaks, Vocabulary, rule
from nhicard.checks.rule import as_date, as_int

_PARTS: Final = ("copayment_basic", "copayment_drugs", "copayment_examinations")
_SINCE: Final = date(2023, 7, 1)
# Codes of Chinese medicine from 112-07: whether drugs are charged.
_TCM: Final = {"S10": False, "S14": True, "S20": False, "S24": True}
_TCM_DEPARTMENT: Final = "60"


@rule("copayment", *_PARTS)
def clm_701(of: Vocabulary) -> Breaks:
    """部分負擔點數 {element} 不等於基本（診療）、藥費、檢驗檢查三項的和；請核對。

    The copayment {element} is not the sum of its parts (basic or treatment, drugs, examinations); check them.
    """
    parts = [as_int(of[role]) for role in _PARTS]
    some = pl.any_horizontal(part.is_not_null() for part in parts)
    total = pl.sum_horizontal(part.fill_null(0) for part in parts)
    return [(of["copayment"], some & (as_int(of["copayment"]) != total))]


@rule("copayment_code", "visit_day", "department", kinds=("outpatient",))
def clm_702(of: Vocabulary) -> Breaks:
    """部分負擔代號 {element} 的 S10、S14、S20、S24 只用於 112 年 7 月起的中醫案件；請核對代號與科別。

    S10, S14, S20 and S24 in {element} are codes of Chinese medicine from 112-07 on; check the code and the department.
    """
    listed = col(of["copayment_code"]).is_in(list(_TCM))
    elsewhere = col(of["department"]).ne_missing(_TCM_DEPARTMENT)
    return [(of["copayment_code"], listed & (elsewhere | (as_date(of["visit_day"]) < _SINCE)))]


@rule("copayment_code", "copayment_drugs", severity="warn", kinds=("outpatient",))
def clm_703(of: Vocabulary) -> Breaks:
    """中醫部分負擔代號與藥費部分負擔 {element} 不一致：S10、S20 不收藥費，S14、S24 有藥費；請核對。

    The copayment code does not go with the copayment for drugs {element}: S10 and S20 charge none, S14 and S24 do;
    check both.
    """
    drugs = as_int(of["copayment_drugs"]).fill_null(0) > 0
    charged = [code for code, charges in _TCM.items() if charges]
    free = [code for code, charges in _TCM.items() if not charges]
    code = col(of["copayment_code"])
    return [(of["copayment_drugs"], drugs & code.is_in(free)), (of["copayment_code"], ~drugs & code.is_in(charged))]
