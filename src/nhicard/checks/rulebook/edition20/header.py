"""The header of a record, and the fields that decide which rules apply to it: H00, H01, M07, M23."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl
from polars import col

from nhicard.checks.rule import Breaks, rule
from nhicard.formats.assumptions import Assumptions
from nhicard.formats.tables import codes


def _is_none_of(field: str, values: Iterable[str]) -> pl.Expr:
    """A blank is none of the values either."""
    return ~col(field).is_in(list(values)).fill_null(False)


def _upload_kinds(assume: Assumptions) -> list[str]:
    legacy = codes("2.0", "H01-legacy") if assume["legacy_h01_values_accepted"] else ()
    return [*codes("2.0", "H01"), *legacy]


@rule("2.0", "H00")
def code_01() -> Breaks:
    """資料型態 H00 須為 1（就醫）、2（預防接種）或 5（檢驗結果通報）；請改正。

    The data type H00 must be 1 (visit), 2 (vaccination) or 5 (test-result report); correct it.
    """
    return _is_none_of("H00", codes("2.0", "H00"))


@rule("2.0", "H01", assumptions=("legacy_h01_values_accepted",))
def code_02(assume: Assumptions) -> Breaks:
    """資料格式 H01 須為 A、B、C、D 或 E；請依上傳種類改正。

    The upload kind H01 must be A, B, C, D or E; correct it.

    2.0 不用 1.0 的 1 至 4。The values 1 to 4 of edition 1.0 are no longer used.
    """
    return _is_none_of("H01", _upload_kinds(assume))


@rule("2.0", assumptions=("legacy_h01_values_accepted", "y008_applies_to_vaccination"))
def Y008(assume: Assumptions) -> Breaks:
    """{field}（{name}）空白或不是可用的值，這一筆的其他欄位無法檢核；請先改正 {field} 再重傳。

    {field} ({name}) is blank or not a known value, so the rest of the record cannot be checked; correct it
    first.

    H01、M07、M23 決定其他欄位怎麼檢查。H01, M07 and M23 decide how all other fields are checked.
    """
    of_visit = pl.lit(True) if assume["y008_applies_to_vaccination"] else col.H00.ne_missing("2")
    return {
        "H01": _is_none_of("H01", _upload_kinds(assume)),
        "M07": of_visit & _is_none_of("M07", codes("2.0", "M07")),
        "M23": of_visit & _is_none_of("M23", codes("2.0", "M23")),
    }
