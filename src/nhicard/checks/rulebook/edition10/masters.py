"""What is looked up in the insurer's master files: persons, SAMs, institutions, staff, orders, diagnoses."""

from __future__ import annotations

from datetime import date
from functools import reduce
from operator import or_
from typing import Final

import polars as pl
from polars import col

from nhicard.checks.rule import Breaks, any_order, as_date, covered, known, listed, rule
from nhicard.checks.rulebook.edition20.masters import unknown_diagnosis
from nhicard.formats.assumptions import Assumptions

_DIAGNOSES: Final = ("A25", "A26", "A27", "A28", "A29", "A30")
_INSTITUTIONS: Final = ("A14", "A43", "A52", "A63")
_DRUG: Final = ["1", "2", "A", "B"]
_PROCEDURE: Final = ["3", "C"]
_MATERIAL: Final = ["4", "D"]
_IMPORTANT: Final = ["5", "E"]
_CANCELLATIONS: Final = ["ZA", "ZB"]  # their A25 to A30 hold times of day
_GENE_TEST: Final = "12196B"
_TEST_ORDERED: Final = ["3", "5"]  # not withdrawn
_CIRCULAR_OF_111: Final = date(2022, 4, 1)


@rule("1.0", assumptions=("household_registry_code",))
def code_05(assume: Assumptions) -> Breaks:
    """{field}（{name}）與健保署的卡片資料不符；請重新讀卡，核對身分證號 A12、出生日期 A13 與卡號 A11。

    {field} ({name}) differs from the insurer's data of the card; read the card again and compare A12, A13
    and A11.

    只檢查有讀卡（A11 有值）的紀錄。Only records of a card that was read (A11 is present) are compared.
    """
    read, person = col.A11.is_not_null(), listed("insured", "A12", "A13")
    broken = {
        "A12": read & ~known("insured", "A12"),
        "A13": read & known("insured", "A12") & ~person,
        "A11": person & ~listed("insured", "A12", "A13", "A11"),
    }
    return broken | (household_mismatch() if assume["household_registry_code"] == "05" else {})


def household_mismatch() -> dict[str, pl.Expr]:
    """Where the newborn's mark or number of births disagrees with the household registry, by field.

    Since 111-04-01. A21: another number of births is registered for that day. A24: births of this person are
    registered, but none on that day. A person without registered births is not judged.
    """
    newborn = col.A24.is_not_null() & (as_date("A17") >= _CIRCULAR_OF_111)
    birth = listed("households", "A12", "A20")
    return {
        "A21": newborn & birth & ~listed("households", "A12", "A20", "A21"),
        "A24": newborn & known("households", "A12") & ~birth,
    }


@rule("1.0", "A16", of_value=True)
def code_06() -> Breaks:
    """安全模組 A16 不屬於院所 A14；請改用本院所的安全模組，或改正 A14。

    The SAM A16 does not belong to the institution A14; use your own SAM or correct A14.

    安全模組屬於其憑證所載的院所，上傳院所也以此為準。A SAM belongs to the institution in its certificate, which is also
    the uploader.
    """
    return ~listed("sams", "A16", "A14")


@rule("1.0", of_value=True)
def code_08() -> Breaks:
    """{field}（{name}）不在醫事機構主檔；請核對院所代碼。

    {field} ({name}) is not in the master list of institutions; check the code.
    """
    return {field: ~known("institutions", field) for field in _INSTITUTIONS}


@rule("1.0", "A14", of_value=True)
def code_09() -> Breaks:
    """就診日不在院所 A14 的特約期間，或在停約期間；請核對 A14 與就診日期 A17。

    The visit is not within the contract of the institution A14, or within a suspension; check A14 and A17.

    補卡時，A17 或實際就醫日 A54 之一在特約期間即可。On a late card A17 or the actual visit A54 may be the
    day.
    """
    held = held_on_visit("institutions", "A14") & ~covered("suspensions", "A14", "A17")
    return known("institutions", "A14") & ~held


def held_on_visit(reference: str, field: str) -> pl.Expr:
    """Whether the code of the list holds on the day of the tap (A17) or of the actual visit (A54)."""
    return covered(reference, field, "A17") | covered(reference, field, "A54").fill_null(False)


def _not_found(code: str, assume: Assumptions) -> Breaks:
    """Orders whose item is missing from the master that this code speaks of."""
    important = _IMPORTANT if assume["important_orders_master"] == "payment_standard" else []
    masters = {
        "drug": col.A72.is_in(_DRUG) & ~known("drugs", "A73"),
        "payment_standard": col.A72.is_in([*_PROCEDURE, *important]) & ~known("payment_items", "A73"),
        "special_material": col.A72.is_in(_MATERIAL) & ~known("materials", "A73"),
    }
    chosen = [broken for master, broken in masters.items() if assume["master_file_codes"][master] == code]
    return {"A73": reduce(or_, chosen)} if chosen else {}


@rule("1.0", "A73", assumptions=("master_file_codes",))
def code_10(assume: Assumptions) -> Breaks:
    """藥品（A72 為 1、2、A、B）的代號 A73 不在藥品主檔；請核對健保藥品代碼。

    The drug (A72 1, 2, A, B) in A73 is not in the drug master; check the drug code.
    """
    return _not_found("10", assume)


@rule(
    "1.0",
    "A73",
    assumptions=("master_file_codes", "important_orders_master", "important_order_sent_as_procedure"),
)
def code_11(assume: Assumptions) -> Breaks:
    """診療或重要醫令（A72 為 3、C、5、E）的代號 A73 不在支付標準，或 A73 已改列重要醫令而 A72 未填 5、E；
    請核對 A72、A73，若是新增項目請載入最新的支付標準。

    The procedure or important order (A72 3, C, 5, E) in A73 is not in the payment standard, or A73 has become
    an important order and A72 is neither 5 nor E; check both, and if the item is new, load the current
    standard.

    12196B（HLA-B 1502 基因檢測）自 111-04-01 為重要醫令。12196B (HLA-B 1502 gene test) is an important order
    since 111-04-01.
    """
    broken = dict(_not_found("11", assume))  # type: ignore[arg-type]
    if assume["important_order_sent_as_procedure"] == "11":
        broken["A72"] = col.A72.is_in(_PROCEDURE) & covered("important_orders", "A73", "A17")
    return broken


@rule("1.0", "A73", assumptions=("master_file_codes",))
def code_12(assume: Assumptions) -> Breaks:
    """特殊材料（A72 為 4、D）的代號 A73 不在特材主檔；請核對特材代碼。

    The material (A72 4 or D) in A73 is not in the special-material master; check the code.
    """
    return _not_found("12", assume)


@rule("1.0", "A15", of_value=True)
def code_13() -> Breaks:
    """醫事人員 A15 不在醫事人員主檔；請核對身分證號，或先完成人員報備。

    The staff member A15 is not in the master list of medical staff; check the number or report the person
    first.
    """
    return ~known("staff", "A15")


@rule("1.0", "A15", of_value=True)
def code_14() -> Breaks:
    """就診日不在醫事人員 A15 的合約期間；請核對人員或就診日期 A17。

    The visit is not within the contract period of the staff member A15; check the person or the date A17.
    """
    return known("staff", "A15") & ~held_on_visit("staff", "A15")


@rule("1.0", of_value=True, assumptions=("diagnosis_code_error",))
def code_15() -> Breaks:
    """{field}（{name}）不是就診日適用的 ICD-10-CM 診斷碼；請核對代碼（不含小數點）。

    {field} ({name}) is no ICD-10-CM code that holds on the day of the visit; check it (without a dot).

    未載入健保署診斷碼檔時，只檢查前三碼類目，因為內附的是美國版，逐碼比對會誤退。取消就醫（ZA、ZB）的診斷欄
    填的是時間，不檢查。Without the insurer's list only the three-character category is checked: the shipped
    list is the US one. In cancellations (ZA, ZB) these fields hold times of day and are left out.
    """
    visit = (col.A00 == "1") & ~col.A23.is_in(_CANCELLATIONS)
    return {field: visit & unknown_diagnosis(field, "A00", "A17") for field in _DIAGNOSES}


@rule(
    "1.0",
    "A81",
    scope="visit",
    severity_by={"A81": "gene_test_result_severity"},
    assumptions=("gene_test_result_severity",),
)
def E008(assume: Assumptions) -> Breaks:
    """有 12196B（HLA-B 1502 基因檢測）醫令，但過敏藥物 A81 沒有檢測結果；有結果後請以 A80、A81 上傳。

    There is an order 12196B (HLA-B 1502 gene test) but no result in A81; once there is one, report it in A80
    and A81.

    1.0 沒有專屬代碼，沿用 2.0 的 E008，自 111-04-01 就醫起。開立當日通常還沒有結果，所以只提醒。Edition 1.0
    has no code of its own, so that of 2.0 is used, from visits on 111-04-01. On the day of the order there is
    usually no result yet: a warning.
    """
    if assume["gene_test_result_severity"] == "off":
        return {}
    ordered = any_order((col.A73 == _GENE_TEST) & col.A72.is_in(_TEST_ORDERED))
    reported = any_order(col.A81.is_not_null())
    return {"A81": ordered & ~reported & (as_date("A17") >= _CIRCULAR_OF_111)}
