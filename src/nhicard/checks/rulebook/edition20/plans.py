"""Who may take part: designated care, correctional institutions, pilot plans, vaccines, special cases."""

from __future__ import annotations

from datetime import date
from typing import Final

from polars import col

from nhicard.checks.rule import Breaks, any_order, as_date, covered, listed, rule
from nhicard.formats.assumptions import Assumptions

_DESIGNATED: Final = "00"
_CORRECTIONAL: Final = "J"
_DISPENSED: Final = "1"
_VIDEO_CARE: Final = "HVIT"
_VACCINATION_SERVICE: Final = "A2001C"
_UCC_ORDERS: Final = ("P8801C", "P8802C", "P8803C")
_EMERGENCY: Final = "04"
_TYPHOON_ORDER: Final = "TYPN11409RAG"
_TYPHOON_PERIOD: Final = (date(2025, 9, 22), date(2025, 12, 22))  # D079 prints 1140922 to 1141222
_KEPT: Final = col.H01.is_in(["A", "B"])


@rule("2.0", "M07")
def AD19() -> Breaks:
    """就醫類別 00 限指定就醫的病人，M03 不在指定就醫名單；請改正 M07。

    Visit category 00 is for designated-care patients, and M03 is not on that list; correct M07.
    """
    return (col.M07 == _DESIGNATED) & ~covered("designated", "M03", "M11")


@rule("2.0", "M05", assumptions=("designated_care_categories",))
def AD20(assume: Assumptions) -> Breaks:
    """指定就醫病人（M03）的指定院所不是 M05；請轉介至指定院所，或核對 M03、M05。

    M05 is not the designated institution of this designated-care patient (M03); refer the patient there, or
    check M03 and M05.

    只看 00 與西醫門診；急診等不限。Only 00 and Western outpatient visits count; emergencies are free.
    """
    bound = col.M07.is_in([_DESIGNATED, *assume["designated_care_categories"]])
    return bound & covered("designated", "M03", "M11") & ~listed("designated", "M03", "M05")


@rule("2.0", "M07", assumptions=("designated_care_categories",))
def AD21(assume: Assumptions) -> Breaks:
    """指定就醫病人（M03）在指定院所門診，就醫類別 M07 須為 00；請改正 M07。

    An outpatient visit of a designated-care patient (M03) at the designated institution is category 00;
    correct M07.
    """
    ordinary = col.M07.is_in(list(assume["designated_care_categories"]))
    return ordinary & covered("designated", "M03", "M11") & listed("designated", "M03", "M05")


@rule("2.0", "D06", of_value=True)
def AD22() -> Breaks:
    """矯正機關代號 D06（D02=J）不是院所 M05 承作的機關；請核對代號。

    The correctional institution D06 (D02=J) is not one that M05 serves; check the code.
    """
    return (col.D02 == _CORRECTIONAL) & ~listed("correctional", "D06", "M05")


@rule("2.0", "MB2", off_without=("influenza_vaccine_drugs",))
def AD25(assume: Assumptions) -> Breaks:
    """有 A2001C（流感疫苗接種），但沒有流感疫苗的藥品醫令；請補一筆疫苗藥品代碼。

    A2001C (influenza vaccination) comes without an order for the vaccine; add the vaccine's drug code.

    疫苗名單由使用者設定，未設定時不檢查。The vaccines are set by the user; without them nothing is checked.
    """
    vaccine = col.D06.is_in(list(assume["influenza_vaccine_drugs"]))
    return any_order(col.D06 == _VACCINATION_SERVICE) & ~any_order(vaccine)


@rule("2.0", "D02", off_without=("influenza_vaccine_drugs",))
def AD26(assume: Assumptions) -> Breaks:
    """流感疫苗藥品的醫令類別 D02 須為 1；請改正 D02。

    An influenza vaccine is an order of category 1; correct D02.
    """
    return col.D06.is_in(list(assume["influenza_vaccine_drugs"])) & col.D02.ne_missing(_DISPENSED)


@rule("2.0", "M13", of_value=True)
def AD64() -> Breaks:
    """HVIT（視訊診療）限參加試辦計畫 PB 的院所；M05 就診日未參加，請改正就醫序號 M13。

    HVIT (video consultation) is for institutions of pilot plan PB; M05 does not take part on the day of the
    visit, so correct M13.
    """
    return (col.M13 == _VIDEO_CARE) & ~covered("plan_PB", "M05", "M11")


@rule("2.0", "M15", of_value=True, off_without=("typhoon_identifiers",))
def D078(assume: Assumptions) -> Breaks:
    """這個異常就醫識別碼只供 1140922 颱風、無健保身分的案件，就診日 M11 須在 1140922 至 1141222；請改填
    本次的就醫識別碼 M15。

    This special identifier is only for uninsured persons in the typhoon case of 1140922, seen from 1140922 to
    1141222; put the identifier of this visit into M15.

    識別碼與期間未公布：識別碼由使用者設定，期間比照 D079；有沒有健保身分由 D087 檢查。Neither identifier nor
    period is given: the user sets the one, the other is D079's; D087 asks whether the person is insured.
    """
    return col.M15.is_in(list(assume["typhoon_identifiers"])) & ~as_date("M11").is_between(*_TYPHOON_PERIOD)


@rule("2.0", "MB2", off_without=("typhoon_identifiers",))
def AD74(assume: Assumptions) -> Breaks:
    """1140922 颱風無健保身分案件（M15 為該案識別碼）須上傳虛擬醫令 TYPN11409RAG；請補上。

    A typhoon case of an uninsured person (M15 is that case's identifier) needs the virtual order TYPN11409RAG; add
    it.

    以異常就醫識別碼認定案件，識別碼由使用者設定。The case is recognised by its special identifier, which the
    user sets.
    """
    return col.M15.is_in(list(assume["typhoon_identifiers"])) & ~any_order(col.D06 == _TYPHOON_ORDER)


@rule("2.0", "M57", assumptions=("ucc_case_by",))
def D090(assume: Assumptions) -> Breaks:
    """UCC 案件須急診（M07=04）、填指定區域編號 M57、並有 P8801C、P8802C 或 P8803C；其他案件不填 M57。
    請核對 {field}。

    A UCC case is an emergency visit (M07=04) with an area number M57 and an order P8801C, P8802C or P8803C;
    other cases carry no M57. Check {field}.
    """
    ordered, area = any_order(col.D06.is_in(list(_UCC_ORDERS))), col.M57.is_not_null()
    if assume["ucc_case_by"] == "area":
        return {"M07": _KEPT & area & col.M07.ne_missing(_EMERGENCY), "MB2": _KEPT & area & ~ordered}
    return {"M07": _KEPT & ordered & col.M07.ne_missing(_EMERGENCY), "M57": _KEPT & (ordered != area)}


@rule("2.0", "M57", of_value=True)
def D091() -> Breaks:
    """指定區域編號 M57 不存在，或就診日不在效期；請核對區域編號。

    There is no designated area M57, or it does not hold on the day of the visit; check the number.
    """
    return ~covered("areas", "M57", "M11")
