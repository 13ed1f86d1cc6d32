"""The visit that a record goes back to (M16 to M19), and identifiers that stand for a missing one."""

from __future__ import annotations

from datetime import date
from typing import Final

import polars as pl
from polars import col

from nhicard.checks.rule import Breaks, as_date, as_time, rule
from nhicard.formats import rocdate
from nhicard.formats.assumptions import Assumptions
from nhicard.formats.tables import codes

_BEFORE_GO_LIVE: Final = "SM000000000000000000"
_NOT_OBTAINABLE: Final = "9" * 20
_EXCEPTIONAL_VISIT: Final = "C001"
_TYPHOON: Final = (date(2025, 9, 22), date(2025, 12, 22))
_ORIGINAL_FIELDS: Final = ("M16", "M17", "M19")


@rule("2.0", "M19", of_value=True)
def D007() -> Breaks:
    """原就診時間 M19 須早於本次就診（補卡者為實際就醫時間 M49，其他為 M11）；同日再診（M07=AI）還須同一天。
    請核對 M19。

    The original visit M19 must lie before this one (M49 for a late card, else M11), and on the same day for a
    same-day return (M07=AI); check M19.
    """
    this_visit = pl.coalesce(as_time("M49"), as_time("M11"))
    other_day = (col.M07 == "AI") & (as_date("M19") != this_visit.dt.date())
    return (as_time("M19") >= this_visit) | other_day


@rule("2.0", of_value=True)
def D067() -> Breaks:
    """原處方就醫序號 M18=ICND（未具健保身分生產）時，{field}（{name}）不可填；請刪除此欄。

    With the original number M18=ICND (delivery of an uninsured woman) {field} ({name}) must not be sent;
    leave it out.
    """
    return {field: (col.M18 == "ICND") & col(field).is_not_null() for field in _ORIGINAL_FIELDS}


@rule("2.0", "M15", of_value=True, off_without=("go_live_date",))
def D068(assume: Assumptions) -> Breaks:
    """SM 開頭的異常就醫識別碼只能用在 2.0 上線前的就醫；請在 M15 填本次取得的就醫識別碼。

    The SM identifier is only for visits before edition 2.0 went live; put the identifier of this visit into
    M15.

    上線日由使用者設定，未設定時不檢查。The day is set by the user; without it nothing is checked.
    """
    live = rocdate.parse_date(assume["go_live_date"])
    return (col.M15 == _BEFORE_GO_LIVE) & (as_date("M11") >= live)


@rule("2.0", "M16", of_value=True, off_without=("typhoon_identifiers",))
def D079(assume: Assumptions) -> Breaks:
    """這個異常原就醫識別碼只供 1140922 颱風案件使用：M18 須為 C001，M19 須在 1140922 至 1141222 之間；
    請改填原就醫識別碼。

    This special identifier in M16 is only for the typhoon case of 1140922, with M18=C001 and M19 from 1140922
    to 1141222; enter the original identifier instead.
    """
    typhoon_case = (col.M18 == _EXCEPTIONAL_VISIT) & as_date("M19").is_between(*_TYPHOON)
    return col.M16.is_in(list(assume["typhoon_identifiers"])) & ~typhoon_case.fill_null(False)


@rule("2.0", "M16", of_value=True)
def D085() -> Breaks:
    """原處方就是本院所開的（M17 與 M05 相同），M16 不可填異常識別碼；請查出原就醫識別碼填入。

    The original prescription is your own (M17 equals M05), so M16 must not be a special identifier; look up
    and enter the identifier of that visit.
    """
    return (col.M17 == col.M05) & col.M16.is_in(list(codes("2.0", "visit-id-special")))


@rule("2.0", "M16", warns_before="dual_track_end", of_value=True, assumptions=("dual_track_end",))
def D088() -> Breaks:
    """排程檢查（M07=AG）的原就醫識別碼 M16 不可填 20 個 9；請填原就醫的識別碼。雙軌期間仍會收載。

    For a scheduled examination (M07=AG) M16 must not be twenty 9s; enter the identifier of the original
    visit. During the dual-track period the record is still accepted.
    """
    return (col.M07 == "AG") & (col.M16 == _NOT_OBTAINABLE)
