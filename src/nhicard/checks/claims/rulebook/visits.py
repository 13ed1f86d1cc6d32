"""Claims against the visits that were uploaded."""

from __future__ import annotations

from typing import Final

from polars import col

from nhicard.checks.claims.rule import Break, Breaks, Vocabulary, claim, reported, rule
from nhicard.checks.rule import as_date

_PRICED: Final = ("1", "2", "3")
_DAILY_FEE: Final = r"^MA[1-4]\z"  # a lump sum for drugs that no visit reports


@rule("identifier")
def clm_801(of: Vocabulary) -> Breaks:
    """找不到就醫識別碼 {element} 的就醫上傳資料；請先完成該次就醫的上傳，或核對識別碼。

    No uploaded visit has the identifier {element}; upload the visit first, or check the identifier.
    """
    return [(of["identifier"], ~reported("identified"))]


@rule("identifier", "person")
def clm_802(of: Vocabulary) -> Breaks:
    """{element}（{name}）與該識別碼上傳的就醫資料不是同一個人；請核對。

    {element} ({name}) is not the person of the uploaded visit with this identifier; check both.
    """
    return [(of["person"], reported("person") != col(of["person"]))]


@rule("identifier", "visit_day")
def clm_803(of: Vocabulary) -> Breaks:
    """{element}（{name}）與該識別碼上傳的就醫日期不同；請核對。

    {element} ({name}) is not the day of the uploaded visit with this identifier; check both.
    """
    return [(of["visit_day"], reported("day") != as_date(of["visit_day"]))]


@rule("identifier", "institution")
def clm_804(of: Vocabulary) -> Breaks:
    """就醫識別碼 {element} 是另一家院所上傳的就醫；請核對。

    The visit with the identifier {element} was uploaded by another institution; check it.
    """
    return [(of["identifier"], reported("institution") != claim(col(of["institution"])))]


@rule("person", "visit_day")
def clm_805(of: Vocabulary) -> Breaks:
    """申報期間內，這個人（{element}）在本院所沒有任何就醫上傳資料；請先上傳，或核對證號與日期。

    No visit of this person ({element}) was uploaded for the days of the case; upload it, or check the ID and the days.
    """
    return [(of["person"], ~reported("visited"))]


@rule("order_code", "order_category")
def clm_806(of: Vocabulary) -> Breaks:
    """申報的醫令 {element} 沒有出現在就醫上傳資料；請補上傳，或核對代號。

    The order {element} that is claimed was not reported with the visit; report it, or check the code.

    只比對用藥、診療、特材（1、2、3），不含簡表日劑藥費 MA1 至 MA4。Drugs, treatment and materials are compared, the
    daily drug fees MA1 to MA4 are not.
    """
    compared = col(of["order_category"]).is_in(list(_PRICED)) & ~col(of["order_code"]).str.contains(_DAILY_FEE)
    return [(of["order_code"], compared & ~reported("ordered"))]


@rule("physician", "person", "visit_day")
def clm_807(of: Vocabulary) -> Breaks:
    """{element}（{name}）與就醫上傳資料的醫事人員不同；請填實際診治的醫事人員。

    {element} ({name}) is not who treated the patient according to the uploaded visit; name who did.
    """
    return [(of["physician"], col(of["physician"]).is_not_null() & ~reported("physician"))]


@rule("identifier", "original_identifier", kinds=("outpatient", "inpatient"))
def clm_808(of: Vocabulary) -> Breaks:
    """補卡案件的原就醫識別碼 {element} 與就醫上傳資料不符；請填上傳時的原就醫識別碼，非補卡則不填。

    The original identifier {element} is not that of the uploaded late card; send what was uploaded, and none where the
    card was not late.
    """
    own = col(of["original_identifier"])
    differs = reported("identified") & own.ne_missing(reported("original"))
    return [Break(of["original_identifier"], differs, of_value=False)]
