"""Visit identifiers in claims: their form, and what they say once the insurer opens them."""

from __future__ import annotations

from typing import Final

import polars as pl
from polars import col

from nhicard.checks.claims.rule import Break, Breaks, Vocabulary, as_minute, case, claim, rule
from nhicard.checks.rule import as_date, opened
from nhicard.formats.tables import codes

_FORM: Final = r"^[0-9A-Z]{20}\z"
_OF_CASES: Final = ("identifier", "original_identifier", "course_identifier")


def is_identifier(value: pl.Expr) -> pl.Expr:
    """Whether a value has the form of a visit identifier and is no stand-in for one; null where null."""
    return value.str.contains(_FORM) & ~value.is_in(list(codes("2.0", "visit-id-special")))


def _present(of: Vocabulary) -> list[str]:
    return [of[role] for role in (*_OF_CASES, "order_identifier") if of.has(role)]


@rule("identifier")
def clm_602(of: Vocabulary) -> Breaks:
    """{element}（{name}）不是資料中心發出的；請填讀卡軟體取得的 20 碼，不可自編或修改。

    {element} ({name}) was not issued by the data centre; send the 20 characters that the reader software received.
    """
    return [(element, ~opened(element, "genuine")) for element in _present(of)]


@rule("identifier", "person")
def clm_603(of: Vocabulary) -> Breaks:
    """{element}（{name}）是發給另一個人的；請核對身分證號與識別碼。

    {element} ({name}) was issued for another person; check the ID and the identifier.
    """
    person = col(of["person"])
    breaks = [(of[role], opened(of[role], "person") != person) for role in _OF_CASES if of.has(role)]
    if of.has("order_identifier"):
        own = of["order_identifier"]
        breaks.append((own, opened(own, "person") != case(person)))
    return breaks


@rule("identifier", "institution")
def clm_604(of: Vocabulary) -> Breaks:
    """{element}（{name}）是另一家院所取得的；請核對識別碼與服務機構代號。

    {element} ({name}) was issued to another institution; check it against the institution of the claim.

    交付機構的原處方就醫識別碼由處方院所取得，不在此檢核。A pharmacy's original identifier belongs to the prescribing
    institution and is not compared.
    """
    roles = ("identifier",) if of.table.kind == "pharmacy" else _OF_CASES
    institution = claim(col(of["institution"]))
    return [(of[role], opened(of[role], "institution") != institution) for role in roles if of.has(role)]


@rule("identifier", "visit_day")
def clm_605(of: Vocabulary) -> Breaks:
    """{element}（{name}）的就醫日期與 {day} 不同；補卡案件另填原就醫識別碼。

    {element} ({name}) is of another day than {day}; a case with a late card also sends the original identifier.

    補卡時，以原就醫識別碼比對就醫日期。On a late card the original identifier must be of the day of the visit.
    """
    visit_day = as_date(of["visit_day"])
    day = {"day": of["visit_day"]}
    own = of["identifier"]
    other = opened(own, "time").dt.date() != visit_day
    if not of.has("original_identifier") or of.table.kind == "pharmacy":
        return [Break(own, other, words=day)]
    original = of["original_identifier"]
    return [
        Break(own, other & col(original).is_null(), words=day),
        Break(original, opened(original, "time").dt.date() != visit_day, words=day),
    ]


@rule("order_identifier", "order_from", severity="warn")
def clm_606(of: Vocabulary) -> Breaks:
    """醫令的就醫識別碼 {element} 與執行時間起不是同一天；請核對。

    The order's visit identifier {element} is of another day than its start; check both.
    """
    own = of["order_identifier"]
    return [(own, opened(own, "time").dt.date() > as_minute(of["order_from"]).dt.date())]


@rule("identifier", "original_identifier")
def clm_607(of: Vocabulary) -> Breaks:
    """填了 {element}（{name}），卻沒有就醫識別碼；請補上。

    {element} ({name}) is sent without a visit identifier; add it.
    """
    own = col(of["identifier"]).is_null()
    roles = ("original_identifier", "course_identifier")
    return [(of[role], own & col(of[role]).is_not_null()) for role in roles if of.has(role)]
