"""Allergy reports: E01 to E13."""

from polars import col

from nhicard.checks.rule import Breaks, rule


@rule("2.0", "E01")
def E001() -> Breaks:
    """E01 有值時，E02、E03、E04 須擇一填寫；請填入過敏藥品的成分、類別或名稱。

    With E01 one of E02, E03, E04 is required; give the drug's ingredient, class or name.
    """
    return col.E01.is_not_null() & col.E02.is_null() & col.E03.is_null() & col.E04.is_null()
