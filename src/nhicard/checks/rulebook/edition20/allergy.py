"""Allergy reports and gene test results: E01 to E13."""

from __future__ import annotations

from typing import Final

import polars as pl
from polars import col

from nhicard.checks.rule import Breaks, any_order, rule
from nhicard.checks.rulebook.edition20.orders import NORMAL_AND_ABNORMAL, one_of
from nhicard.formats.assumptions import Assumptions

_GENE_TEST: Final = "12196B"  # HLA-B 1502


def _required_where(assume: Assumptions, group: str, code: str, condition: pl.Expr) -> dict[str, pl.Expr]:
    return {field: condition & col(field).is_null() for field in assume[group][code]}


@rule("2.0", "E01", of_value=True)
def E001() -> Breaks:
    """E01 有值時，E02、E03、E04 須擇一填寫；請填入過敏藥品的成分、類別或名稱。

    With E01 one of E02, E03, E04 is required; give the drug's ingredient, class or name.
    """
    return col.E01.is_not_null() & col.E02.is_null() & col.E03.is_null() & col.E04.is_null()


@rule("2.0", "E04", of_value=True)
def E003() -> Breaks:
    """E02、E03、E04 只能填一欄；一筆 MB2 通報一種藥，請留一欄，其他藥另立 MB2。

    Only one of E02, E03 and E04 may be filled in; report one drug an MB2 and give another its own MB2.
    """
    return {
        "E03": col.E03.is_not_null() & col.E02.is_not_null(),
        "E04": col.E04.is_not_null() & (col.E02.is_not_null() | col.E03.is_not_null()),
    }


@rule("2.0", "E01", assumptions=("unnamed_fields",))
def E004(assume: Assumptions) -> Breaks:
    """填了過敏藥品（E02、E03、E04）時，{field}（{name}）必填；請補填。

    With an allergy drug in E02, E03 or E04, {field} ({name}) is required; fill it in.

    E02=12196B 是基因檢測結果，不是過敏藥品，不在此限。E02=12196B reports a gene test, not an allergy, and
    is exempt.
    """
    drug = col.E03.is_not_null() | col.E04.is_not_null() | (col.E02 != _GENE_TEST)
    return _required_where(assume, "unnamed_fields", "E004", drug)


@rule("2.0", "E09", assumptions=("inferred_fields",))
def E005(assume: Assumptions) -> Breaks:
    """資料來源（E08）填 99 時，資料來源說明（{field}）必填；請補填。

    With source (E08) 99 the description of the source ({field}) is required; fill it in.
    """
    return _required_where(assume, "inferred_fields", "E005", col.E08 == "99")


@rule("2.0", "E11", assumptions=("inferred_fields",))
def E006(assume: Assumptions) -> Breaks:
    """刪除過敏註記（E01=D）時，刪除原因（{field}）必填；請補填。

    To delete an allergy mark (E01=D) the reason ({field}) is required; fill it in.
    """
    return _required_where(assume, "inferred_fields", "E006", col.E01 == "D")


@rule("2.0", "E12", assumptions=("inferred_fields",))
def E007(assume: Assumptions) -> Breaks:
    """刪除原因（E11）填 9（其他）時，原因說明（{field}）必填；請補填。

    With reason 9 (other) in E11 the explanation ({field}) is required; fill it in.
    """
    return _required_where(assume, "inferred_fields", "E007", col.E11 == "9")


@rule(
    "2.0",
    "E13",
    severity_by={"MB2": "gene_test_result_severity"},
    assumptions=("inferred_fields", "gene_test_result_severity"),
)
def E008(assume: Assumptions) -> Breaks:
    """12196B（HLA-B 1502 基因檢測）須上傳結果：MB2 的 E02 填 12196B、E13 填檢測結果。

    12196B (HLA-B 1502 gene test) must come with its result: an MB2 with E02=12196B and the result in E13.
    """
    result = col.E02 == _GENE_TEST
    broken = _required_where(assume, "inferred_fields", "E008", result)
    reported = any_order(result & col.E13.is_not_null())
    ordered = any_order(col.D06 == _GENE_TEST)
    broken["MB2"] = one_of(col.H01, NORMAL_AND_ABNORMAL) & ordered & ~reported
    return broken
