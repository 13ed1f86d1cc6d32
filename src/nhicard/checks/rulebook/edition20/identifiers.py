"""What visit identifiers (M15, M16, M52) say once the insurer opens them."""

from __future__ import annotations

from typing import Final

import polars as pl
from polars import col

from nhicard.checks.rule import Breaks, as_date, as_time, opened, rule
from nhicard.checks.verification import IDENTIFIERS
from nhicard.formats.assumptions import Assumptions

_NEW_CONTRACT: Final = "G000"
_PREVENTIVE: Final = "AC"
_DISPENSING: Final = ("AE", "AF")


def _not_genuine(field: str, assume: Assumptions) -> pl.Expr:
    """The data centre never issued what the field holds; the typhoon case's stand-ins are not meant to be."""
    return ~opened(field, "genuine") & ~col(field).is_in(list(assume["typhoon_identifiers"]))


def _of_another_institution(field: str) -> pl.Expr:
    return opened(field, "institution") != col(IDENTIFIERS[field].institution)


def _of_another_day(field: str) -> pl.Expr:
    return opened(field, "time").dt.date() != as_date(IDENTIFIERS[field].time)


def _has_letters(field: str) -> pl.Expr:
    """Whether the institution code in the field has a letter in its serial number (positions 7 to 9)."""
    return col(field).str.slice(6, 3).str.contains("[G-Z]")


def _left_to_the_insurer(field: str) -> pl.Expr:
    """D058 speaks of this identifier in place of D002 and D004."""
    return _has_letters(IDENTIFIERS[field].institution).fill_null(False)


def _issued_by(field: str, code: str, assume: Assumptions) -> pl.Expr:
    """Whether the identifier comes from a service whose identifiers the code refuses."""
    return opened(field, "service").is_in(list(assume["identifier_services_refused"][code]))


@rule("2.0", of_value=True, assumptions=("typhoon_identifiers",))
def D002(assume: Assumptions) -> Breaks:
    """{field}（{name}）不是資料中心發出的就醫識別碼；請填讀卡軟體取得的 20 碼，不可自編或修改。

    {field} ({name}) is no identifier that the data centre issued; send the 20 characters that the reader software
    received, unchanged.

    替代值（MISS、SM 開頭、20 個 9，M16 另有 A000 等加 16 個 0）不在此檢核。示例中的
    {tap 證號 院所 時間} 表示該服務發出的識別碼。
    Stand-ins (MISS…, SM…, twenty 9s, and in M16 a reason such as A000 with sixteen 0s) are left to other rules. In the
    examples {tap person institution time} is the identifier that this service issued.
    """
    return {field: _not_genuine(field, assume) & ~_left_to_the_insurer(field) for field in IDENTIFIERS}


@rule("2.0", of_value=True)
def D003() -> Breaks:
    """{field}（{name}）是發給另一個人的，與身分證號 M03 不符；請核對這兩欄。

    {field} ({name}) was issued for another person than M03; check both.
    """
    return {field: opened(field, "person") != col.M03 for field in IDENTIFIERS}


@rule("2.0", of_value=True)
def D004() -> Breaks:
    """{field}（{name}）是另一家院所取得的；請核對院所代碼（M15、M52 對 M05，M16 對 M17）。

    {field} ({name}) was issued to another institution; check it against the institution code (M05 for M15 and M52,
    M17 for M16).
    """
    return {field: _of_another_institution(field) & ~_left_to_the_insurer(field) for field in IDENTIFIERS}


@rule("2.0", of_value=True, assumptions=("d005_compares",))
def D005(assume: Assumptions) -> Breaks:
    """{field}（{name}）的就醫時間與上傳的不同；請核對日期時間（M15 對 M11，M16 對 M19，M52 對 M49）。

    {field} ({name}) is that of another visit time; check it against M11 (for M15), M19 (for M16) or M49 (for M52).

    新特約（G000）與預防保健（AC）的 M15 由 D075、D076 檢核。M15 of a newly contracted institution (G000) and of
    preventive care (AC) is left to D075 and D076.
    """
    if assume["d005_compares"] == "second":
        differs = {field: opened(field, "time") != as_time(fields.time) for field, fields in IDENTIFIERS.items()}
    else:
        differs = {field: _of_another_day(field) for field in IDENTIFIERS}
    own_rule = (col.M13 == _NEW_CONTRACT).fill_null(False) | (col.M07 == _PREVENTIVE).fill_null(False)
    return differs | {"M15": differs["M15"] & ~own_rule}


@rule("2.0", assumptions=("typhoon_identifiers",))
def D058(assume: Assumptions) -> Breaks:
    """{field}（{name}）第 7 至 9 碼有英文字母，其就醫識別碼無法解譯或解譯成別的院所；資料無誤時請等候保險人重檢。

    {field} ({name}) has a letter in positions 7 to 9, and its visit identifier cannot be read or reads as another
    institution's; if the data are right, wait for the insurer to check again.

    這時不再報 D002、D004。本系統的識別碼能容納含字母的代碼，故只會出現在以其他編法取得的識別碼。D002 and D004 are then
    not reported. Our own identifiers hold such codes, so this speaks only of identifiers made in another way.
    """

    def unreadable(field: str) -> pl.Expr:
        return _not_genuine(field, assume) | _of_another_institution(field)

    of = {
        place: [field for field, fields in IDENTIFIERS.items() if fields.institution == place]
        for place in dict.fromkeys(fields.institution for fields in IDENTIFIERS.values())
    }
    return {place: _has_letters(place) & pl.any_horizontal(map(unreadable, found)) for place, found in of.items()}


@rule("2.0", "M15", of_value=True, assumptions=("identifier_services_refused",))
def D069(assume: Assumptions) -> Breaks:
    """M15 是無卡取得的就醫識別碼，不可用於正常上傳（H01=A）；請填過卡取得的識別碼，沒有卡則改為異常上傳（H01=B）。

    The identifier in M15 was obtained without a card and cannot serve a normal upload (H01=A); send that of the tap,
    or, if there was no card, upload as abnormal (H01=B).
    """
    return (col.H01 == "A") & _issued_by("M15", "D069", assume)


@rule("2.0", "M15", of_value=True, assumptions=("identifier_services_refused",))
def D070(assume: Assumptions) -> Breaks:
    """M15 是持卡取得的就醫識別碼（API 1.56），不可用於異常上傳（H01=B）；有卡請正常上傳（H01=A）。

    The identifier in M15 was obtained with the card (API 1.56) and cannot serve an abnormal upload (H01=B); with a
    card upload normally (H01=A).
    """
    return (col.H01 == "B") & _issued_by("M15", "D070", assume)


@rule("2.0", "M15", of_value=True, assumptions=("identifier_services_refused",))
def D071(assume: Assumptions) -> Breaks:
    """M15 是以 Web API 取得的就醫識別碼，不可用於正常上傳（H01=A）；請填過卡取得的識別碼，
    沒有卡則改為異常上傳（H01=B）。

    The identifier in M15 was obtained by Web API and cannot serve a normal upload (H01=A); send that of the tap, or, if
    there was no card, upload as abnormal (H01=B).
    """
    return (col.H01 == "A") & _issued_by("M15", "D071", assume)


@rule("2.0", "M52", of_value=True, assumptions=("identifier_services_refused",))
def D072(assume: Assumptions) -> Breaks:
    """M52 是補卡時取得的就醫識別碼；補卡的識別碼填 M15，M52 請填實際就醫當時取得的識別碼。

    The identifier in M52 was obtained at the late tap; that one belongs into M15, and M52 takes the one obtained at the
    actual visit.
    """
    return _issued_by("M52", "D072", assume)


@rule("2.0", "M16", of_value=True, assumptions=("typhoon_identifiers",))
def D074(assume: Assumptions) -> Breaks:
    """領藥或調劑（M07=AE、AF）的原就醫識別碼 M16 有誤，查不到這張處方箋；請核對 M16。

    M16 of a refill or dispensing (M07 AE or AF) is wrong, so the prescription cannot be found; check M16.
    """
    refused = _not_genuine("M16", assume) & ~_left_to_the_insurer("M16")
    return col.M07.is_in(list(_DISPENSING)) & refused


@rule("2.0", "M15", of_value=True)
def D075() -> Breaks:
    """新特約院所（M13=G000）的就醫識別碼 M15 不是就診日 M11 當天取得的；請核對 M15、M11。

    M15 of a newly contracted institution (M13=G000) was not obtained on the day of the visit M11; check both.

    官方未說明何謂不合理，這裡以日期不同為準。The official text does not say what is implausible; another day is taken
    to be.
    """
    return (col.M13 == _NEW_CONTRACT) & _of_another_day("M15")


@rule("2.0", "M15", of_value=True)
def D076() -> Breaks:
    """預防保健（M07=AC）的就醫識別碼 M15 不是就診日 M11 當天取得的；請核對 M15、M11。

    M15 of preventive care (M07=AC) was not obtained on the day of the visit M11; check both.

    官方未說明何謂不合理，這裡以日期不同為準；M13=G000 時改報 D075。The official text does not say what is implausible;
    another day is taken to be. With M13=G000 it is reported as D075.
    """
    return (col.M07 == _PREVENTIVE) & (col.M13.ne_missing(_NEW_CONTRACT)) & _of_another_day("M15")
