"""What is looked up in master files: persons, SAMs, institutions, staff, orders, diagnoses, beds."""

from __future__ import annotations

from typing import Final

import polars as pl
from polars import col

from nhicard.checks.reference import icd10
from nhicard.checks.rule import Breaks, as_time, attribute, covered, known, listed, rule
from nhicard.formats.assumptions import Assumptions

DIAGNOSES: Final = ("M35", "M36", "M37", "M38", "M39", "M40")
_MALE: Final = ("1", "8", "A", "C")  # second character of identity and resident numbers
_FEMALE: Final = ("2", "9", "B", "D")
_PHARMACY: Final = "5"  # 特約類別
_MIDWIFERY: Final = "8"
_DRUG: Final = ("1", "M")
_PROCEDURE: Final = "2"
_MATERIAL: Final = "3"
_UNPRICED: Final = "4"
_VIRTUAL: Final = "G"
_NEVER_INSURED: Final = "FORE"
FREQUENCY_PATTERN: Final = (
    r"^(?:QW\([1-7](?:,[1-7])*\)|[0-9]+W[0-9]+D|MCD[0-9]+D[0-9]+|Q[0-9]+(?:D|W|M|MN|H|HPRN)|[AP]C[0-9]+[HM])$"
)
"""Entries of the list of frequencies that hold x, y or z for a number."""
_VISIT: Final = col.H00 == "1"
_KEPT: Final = col.H01.is_in(["A", "B"])


def held_on_visit(reference: str, field: str) -> pl.Expr:
    """Whether the code of the list holds on the day of the tap (M11) or of the actual visit (M49)."""
    return covered(reference, field, "M11") | covered(reference, field, "M49").fill_null(False)


@rule("2.0")
def code_05() -> Breaks:
    """{field}（{name}）與健保署的卡片資料不符；請重新讀卡，核對身分證號 M03、出生日期 M04 與卡號 M02。

    {field} ({name}) differs from the insurer's data of the card; read the card again and compare M03, M04
    and M02.

    只檢查有讀卡（M02 有值）的紀錄。Only records of a card that was read (M02 is present) are compared.
    """
    read, person = col.M02.is_not_null(), listed("insured", "M03", "M04")
    return {
        "M03": read & ~known("insured", "M03"),
        "M04": read & known("insured", "M03") & ~person,
        "M02": person & ~listed("insured", "M03", "M04", "M02"),
    }


@rule("2.0", "M01", of_value=True)
def code_06() -> Breaks:
    """安全模組 M01 不屬於院所 M05；請改用本院所的安全模組，或改正 M05。

    The SAM M01 does not belong to the institution M05; use your own SAM or correct M05.

    安全模組屬於其憑證所載的院所，上傳院所也以此為準。A SAM belongs to the institution in its certificate, which is also
    the uploader.
    """
    return ~listed("sams", "M01", "M05")


@rule("2.0", of_value=True)
def code_08() -> Breaks:
    """{field}（{name}）不在醫事機構主檔；請核對院所代碼。

    {field} ({name}) is not in the master list of institutions; check the code.
    """
    return {field: ~known("institutions", field) for field in ("M05", "M17")}


@rule("2.0", "M05", assumptions=("original_visit_categories", "late_card_fields"))
def code_09(assume: Assumptions) -> Breaks:
    """{field}（{name}）：就診日不在院所特約期間，或缺就診時間、原院所代碼；請核對 M05、M11、M17、M49。

    {field} ({name}): the visit is not within the institution's contract period, or the visit time or original
    institution is missing; check M05, M11, M17 and M49.

    停約期間也算非特約。補卡時，過卡日或實際就醫日之一在特約期間即可。M11 須為 13 碼日期時間；M17、M49 依 AA
    的條件必填。A suspension is no contract. On a late card it is enough if the tap or the actual visit lies
    within the contract. M11 must be a 13-digit time; M17 and M49 are needed where AA asks for them.
    """
    held = held_on_visit("institutions", "M05") & ~covered("suspensions", "M05", "M11")
    points_back = col.M07.is_in(list(assume["original_visit_categories"])) & col.M18.ne_missing("ICND")
    late = col.M12.is_in(list(assume["late_card_fields"]["M49_required"]))
    return {
        "M05": known("institutions", "M05") & ~held,
        "M11": as_time("M11").is_null(),
        "M17": _VISIT & _KEPT & points_back & col.M17.is_null(),
        "M49": _VISIT & _KEPT & late & col.M49.is_null(),
    }


@rule("2.0", "D06")
def code_10() -> Breaks:
    """藥品（D02=1、M）的代號 D06 不在藥品主檔；請核對健保藥品代碼。

    The drug (D02 1 or M) in D06 is not in the drug master; check the drug code.

    只看代碼存不存在；價格期間由申報審查。Only the existence of the code counts, not its price periods.
    """
    return col.D02.is_in(list(_DRUG)) & ~known("drugs", "D06")


@rule("2.0", "D06")
def code_11() -> Breaks:
    """診療項目（D02=2）的代號 D06 不在支付標準；請核對代號，若是新增項目請載入最新的支付標準。

    The procedure (D02=2) in D06 is not in the payment standard; check the code, and if the item is new, load
    the current payment standard.

    內附的支付標準是 2024 年 11 月的版本。The shipped payment standard is that of November 2024.
    """
    return (col.D02 == _PROCEDURE) & ~known("payment_items", "D06")


@rule("2.0", "D06", assumptions=("d02_4_means_unpriced_item",))
def code_12(assume: Assumptions) -> Breaks:
    """特殊材料（D02=3）的代號 D06 不在特材主檔；請核對特材代碼。

    The material (D02=3) in D06 is not in the special-material master; check the code.
    """
    categories = [_MATERIAL] if assume["d02_4_means_unpriced_item"] else [_MATERIAL, _UNPRICED]
    return col.D02.is_in(categories) & ~known("materials", "D06")


@rule("2.0", "M06", of_value=True)
def code_13() -> Breaks:
    """醫事人員 M06 不在醫事人員主檔；請核對身分證號，或先完成人員報備。

    The staff member M06 is not in the master list of medical staff; check the number or report the person
    first.
    """
    return ~known("staff", "M06")


@rule("2.0", "M06", of_value=True)
def code_14() -> Breaks:
    """就診日不在醫事人員 M06 的合約期間；請核對人員或就診日期 M11。

    The visit is not within the contract period of the staff member M06; check the person or the date M11.

    補卡時，過卡日或實際就醫日之一在期間內即可。On a late card the tap or the actual visit may be the day.
    """
    return known("staff", "M06") & ~held_on_visit("staff", "M06")


def unknown_diagnosis(field: str, data_type: str, day: str) -> pl.Expr:
    """Whether the diagnosis is not in the code list that holds on the day.

    The shipped list is the US one: while no list of the insurer is loaded for the day, a code is only refused
    if its three-character category does not exist.
    """
    decided = covered("icd10cm_complete", data_type, day).fill_null(False)
    category = col(field).str.head(3).is_in(list(icd10.categories()))
    return ~covered("icd10cm", field, day) & (decided | ~category)


@rule("2.0", of_value=True)
def code_15() -> Breaks:
    """{field}（{name}）不是就診日適用的 ICD-10-CM 診斷碼；請核對代碼（不含小數點）。

    {field} ({name}) is no ICD-10-CM code that holds on the day of the visit; check it (without a dot).

    未載入健保署診斷碼檔時，只檢查前三碼類目，因為內附的是美國版，逐碼比對會誤退。Without the insurer's list
    only the three-character category is checked: the shipped list is the US one and would refuse codes that
    hold here.
    """
    return {field: _VISIT & unknown_diagnosis(field, "H00", "M11") for field in DIAGNOSES}


@rule("2.0", of_value=True)
def code_20() -> Breaks:
    """{field}（{name}）是限定性別的診斷，與病人性別不符；請核對診斷或身分證號 M03。

    {field} ({name}) is a diagnosis of one sex only and does not fit the patient; check it or the number M03.

    性別依身分證號第二碼判斷；以父母卡就醫的新生兒（M10 有值）不檢查。The sex is read from the second
    character of M03; newborns seen on a parent's card (M10 is present) are left out.
    """
    letter = col.M03.str.slice(1, 1)
    own_card = _VISIT & col.M10.is_null()
    return {
        field: own_card
        & (
            ((attribute("diagnosis_sex", "sex", field) == "F") & letter.is_in(list(_MALE)))
            | ((attribute("diagnosis_sex", "sex", field) == "M") & letter.is_in(list(_FEMALE)))
        )
        for field in DIAGNOSES
    }


@rule("2.0", "D06")
def code_23() -> Breaks:
    """沒有 D06 這個虛擬醫令（D02=G），或就診日不在它的效期；請核對虛擬醫令代碼。

    There is no virtual order D06 (D02=G), or it does not hold on the day of the visit; check the code.

    內附的清單不完整，未載入完整清單時只檢查 R、S 開頭四碼的代碼，及已知代碼的效期。The shipped list is
    incomplete: without a full one only codes such as R001 or S001 and the validity of known codes are
    checked.
    """
    decided = covered("virtual_orders_complete", "H00", "M11").fill_null(False)
    numbered = col.D06.str.head(1).is_in(["R", "S"]) & (col.D06.str.len_bytes() == 4)
    held = covered("virtual_orders", "D06", "M11")
    return (col.D02 == _VIRTUAL) & ~held & (decided | numbered | known("virtual_orders", "D06"))


@rule("2.0", "M07")
def AD23() -> Breaks:
    """藥局（M05）調劑的就醫類別 M07 須為 AF；請改正 M07。

    A pharmacy (M05) dispenses under visit category AF; correct M07.
    """
    return _VISIT & (attribute("institutions", "kind", "M05") == _PHARMACY) & col.M07.ne_missing("AF")


@rule("2.0", "M50", of_value=True)
def AD43() -> Breaks:
    """病床號 M50 沒有登記在院所 M05 的資料檔；請核對床號，或先向健保署登記。

    The bed M50 is not registered for the institution M05; check the number or register the bed first.
    """
    return ~listed("beds", "M05", "M50")


@rule("2.0", "M50", of_value=True, assumptions=("hb_bed_prefix",))
def AD66(assume: Assumptions) -> Breaks:
    """HB 病床（M50）限助產所使用，就醫類別 M07 須為 05；請核對 {field}。

    HB beds (M50) are for midwifery clinics under visit category 05; check {field}.

    床號以 HB 開頭者視為 HB 病床。A bed number that begins with HB is taken to be an HB bed.
    """
    hb = col.M50.str.starts_with(assume["hb_bed_prefix"])
    return {
        "M50": hb & (attribute("institutions", "kind", "M05") != _MIDWIFERY),
        "M07": hb & col.M07.ne_missing("05"),
    }


@rule("2.0", "M13", of_value=True, assumptions=("no_insurance_numbers", "typhoon_identifiers"))
def D087(assume: Assumptions) -> Breaks:
    """病人有健保身分，不可用無健保身分的 {field}（{name}）；請依健保身分重新填寫。

    The patient is insured, so {field} ({name}) must not be one for the uninsured; report the visit as that
    of an insured person.

    無健保身分的序號與識別碼名單未公布，可自行設定。The lists for the uninsured are not public and can be set.
    """
    insured = covered("insured", "M03", "M11")
    uninsured = {"M13": assume["no_insurance_numbers"], "M15": assume["typhoon_identifiers"]}
    return {field: insured & col(field).is_in(list(values)) for field, values in uninsured.items() if values}


@rule("2.0", "M13", of_value=True)
def E010() -> Breaks:
    """FORE 限從未有健保身分的人；M03 查有投保紀錄，請改正就醫序號 M13。

    FORE is for persons who were never insured; M03 is or was insured, so correct M13.
    """
    return (col.M13 == _NEVER_INSURED) & known("insured", "M03")


def unknown_frequency() -> pl.Expr:
    """Whether D08 is none of the insurer's frequencies, those with numbers in (Q3D, 2W1D) included."""
    return ~known("frequencies", "D08") & ~col.D08.str.contains(FREQUENCY_PATTERN)
