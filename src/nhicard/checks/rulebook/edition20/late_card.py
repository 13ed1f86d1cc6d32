"""Late cards (M12 = 2, 3, 4): the card comes after the visit itself, which M49 and M52 tell."""

from __future__ import annotations

from typing import Final

import polars as pl
from polars import col

from nhicard.checks.rule import Breaks, as_date, as_int, as_time, rule
from nhicard.formats.assumptions import Assumptions

_LATE: Final = ("2", "3", "4")
_IDENTIFIER_UNKNOWN: Final = "4"
_FIRST_CARD: Final = "3"
_MISSING: Final = "MISS0000000000000000"
_PRESCRIBING: Final = ("00", "01", "02", "03", "06", "07", "08", "09", "AA", "AB", "AD", "AH", "CA")
_CONTINUOUS_DAYS: Final = ("M21", "M22")


def _issues_continuous(total_days: str) -> pl.Expr:
    return as_int(total_days) > 1


@rule("2.0", "M52", of_value=True)
def D054() -> Breaks:
    """補卡註記 M12=4 與識別碼 M52=MISS0000000000000000 須同時使用；請改正 M12 或 M52。

    The late-card mark M12=4 and the identifier M52=MISS0000000000000000 go together; correct M12 or M52.

    M12=4 表示查不到實際就醫的識別碼。M12=4 says that the identifier of the actual visit cannot be found.
    """
    return (col.M12 == _IDENTIFIER_UNKNOWN) != (col.M52 == _MISSING)


@rule("2.0", "M49", of_value=True)
def D055() -> Breaks:
    """補卡註記 M12=3 時，實際就醫日 M49 須為出生（M04）後第 61 至 92 日；請核對 M49、M04。

    With M12=3 the actual visit M49 must fall 61 to 92 days after birth (M04); check both.
    """
    age = (as_date("M49") - as_date("M04")).dt.total_days()
    return (col.M12 == _FIRST_CARD) & ~age.is_between(61, 92)


@rule("2.0", of_value=True, assumptions=("d059_limited_to_d081_categories",))
def D059(assume: Assumptions) -> Breaks:
    """補卡案件不可開立慢性病連續處方箋，{field}（{name}）不可大於 1；請改正 {field} 或 M12。

    No continuous prescription may be issued on a late card: {field} ({name}) must not exceed 1; correct it or
    M12.

    領藥與藥局調劑不是開立，不受限。Dispensing one is not issuing it and remains possible.
    """
    late = col.M12.is_in(list(_LATE))
    if assume["d059_limited_to_d081_categories"]:
        late &= col.M07.is_in(list(_PRESCRIBING))
    return {days: late & _issues_continuous(days) for days in _CONTINUOUS_DAYS}


@rule("2.0", "M49", of_value=True)
def D060() -> Breaks:
    """實際就醫時間 M49 須早於補卡時間 M11；請核對這兩個時間。

    The actual visit M49 must lie before M11, when the card was presented; check both times.
    """
    return as_time("M49") >= as_time("M11")


@rule("2.0", "M12", of_value=True)
def D081() -> Breaks:
    """開立慢性病連續處方箋（M21 或 M22 大於 1）須當場刷卡，補卡註記 M12 須為 1；請改正 M12，或改開一般處方。

    A continuous prescription (M21 or M22 above 1) needs the card at the visit, so M12 must be 1; correct M12,
    or prescribe otherwise.
    """
    issues = pl.any_horizontal(_issues_continuous(days) for days in _CONTINUOUS_DAYS)
    return col.M07.is_in(list(_PRESCRIBING)) & issues & (col.M12 != "1")
