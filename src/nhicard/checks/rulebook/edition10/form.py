"""Type, length, range and presence of every 1.0 field."""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import Final

import polars as pl
from polars import col

from nhicard.checks.requirement import demanded, ever_demanded
from nhicard.checks.rule import Breaks, as_float, as_int, count_orders, raw, rule
from nhicard.checks.rulebook import form
from nhicard.checks.rulebook.edition10.masters import household_mismatch
from nhicard.formats.assumptions import Assumptions
from nhicard.formats.tables import codes, fields, order_fields

EDITION: Final = "1.0"
_ORDER_ONLY: Final = tuple(name for name in order_fields(EDITION) if "A71" <= name <= "A79")
_DRUGS: Final = ("1", "2", "A", "B")


def carries_order() -> pl.Expr:
    """Whether the MB2 is an order: an allergy entry alone is none."""
    return reduce(or_, (col(name).is_not_null() for name in _ORDER_ONLY))


def _missing(field: str) -> pl.Expr:
    blank = col(field).is_null()
    return blank & carries_order() if field in _ORDER_ONLY else blank


@rule(EDITION)
def AA() -> Breaks:
    """{field}（{name}）為必填，但未填寫；請補上後重傳。

    {field} ({name}) is required but blank; fill it in and send again.

    依附件一必填矩陣（就醫類別與正常、異常上傳），另補卡（A19=2）須填實際就醫日期 A54。AE、AF、AG、BC 須至少有一筆醫令。
    By the requirement matrix of Annex 1 (visit category, normal or abnormal upload); a late card (A19=2) also
    needs the actual date A54, and AE, AF, AG and BC need at least one order.
    """
    required = ever_demanded(EDITION, "required")
    broken = {name: _missing(name) & demanded(EDITION, "required", name) for name in required}
    broken["A54"] = col.A54.is_null() & (col.A00 == "1") & (col.A19 == "2")
    # A72 is printed as required for these: they cannot do without an order.
    broken["MB2"] = (col.A00 == "1") & col.A23.is_in(["AE", "AF", "AG", "BC"]) & (count_orders(carries_order()) == 0)
    return broken


@rule(EDITION, assumptions=("zero_total_orders",))
def AA01(assume: Assumptions) -> Breaks:
    """{field}（{name}）為必填且不得為 0；請填入實際數值。

    {field} ({name}) is required and must not be 0; enter the actual figure.

    藥品（A72 為 1、2、A、B）須有天數；每筆醫令須有總量，虛擬醫令 R001 等除外。
    Drugs (A72 1, 2, A, B) need days; every order needs a total, virtual orders such as R001 excepted.
    """
    virtual = col.A73.is_in(list(assume["zero_total_orders"])).fill_null(False) | col.A72.is_in(
        ["G", "H", "J", "K"]
    ).fill_null(False)
    return {
        "A76": col.A72.is_in(list(_DRUGS)) & (col.A76.is_null() | (as_int("A76") == 0)),
        "A77": (as_float("A77") == 0) & ~virtual,
    }


@rule(EDITION, of_form=True, harmless=form.harmless_type(EDITION))
def AB() -> Breaks:
    """{field}（{name}）的資料型態錯誤，應為{type}；請改正。

    {field} ({name}) is of the wrong type: it must be {type}; correct it.
    """
    checks = {each.field: form.wrong_type(each) for each in form.each(EDITION)}
    return {name: broken for name, broken in checks.items() if broken is not None}


@rule(EDITION, of_form=True, assumptions=("total_needs_decimal_point", "total_above_100_demanded"))
def AC(assume: Assumptions) -> Breaks:
    """{field}（{name}）的長度不符，應為{length}；請改正。

    {field} ({name}) has the wrong length: it must be {length}; correct it.
    """
    found = {each.field: form.wrong_length(EDITION, each) for each in form.each(EDITION)}
    checks = {name: broken for name, broken in found.items() if broken is not None}
    if assume["total_needs_decimal_point"]:
        checks["A77"] = checks["A77"] | ~(col.A77.str.contains(".", literal=True) | (as_float("A77") == 0))
    if assume["total_above_100_demanded"]:
        checks["A77"] = checks["A77"] | (as_float("A77") <= 100)
    return checks


_TOOTH_AND_SITE: Final = tuple(codes(EDITION, "A74"))


def site_codes() -> str:
    """A regular expression for a treatment site: one or more codes of the table, one after the other."""
    known = "|".join(sorted(_TOOTH_AND_SITE, key=len, reverse=True))
    return f"^(?:{known})+$"


@rule(
    EDITION,
    of_form=True,
    assumptions=(
        "days_limit_inclusive",
        "a24_is_a_letter",
        "a41_allows_05_to_08",
        "a53_allows_up_to_70",
        "a72_allows_g_h_j_k",
        "household_registry_code",
    ),
)
def AD(assume: Assumptions) -> Breaks:
    """{field}（{name}）的值不在允許範圍（{values}）；請改正。

    {field} ({name}) has a value outside what is allowed ({values}); correct it.
    """
    found = {each.field: form.out_of_range(EDITION, each, {}) for each in form.each(EDITION)}
    checks = {name: broken for name, broken in found.items() if broken is not None}
    checks["A44"] = checks["A44"] & (raw("A44") != " ")
    checks["A21"] = as_int("A21") == 0
    if assume["a24_is_a_letter"]:
        checks["A24"] = ~col.A24.str.contains("^[A-Za-z]+$")
    checks["A76"] = ~as_int("A76").is_between(0, 92 if assume["days_limit_inclusive"] else 91)
    # Annex 6 was printed before these tables grew.
    if not assume["a41_allows_05_to_08"]:
        checks["A41"] = checks["A41"] | col.A41.is_in(["05", "06", "07", "08"])
    if not assume["a53_allows_up_to_70"]:
        checks["A53"] = checks["A53"] | as_int("A53").is_between(63, 70)
    if not assume["a72_allows_g_h_j_k"]:
        checks["A72"] = checks["A72"] | col.A72.is_in(["G", "H", "J", "K"])
    registry = household_mismatch() if assume["household_registry_code"] == "AD" else {}
    return [*checks.items(), *registry.items()]


@rule(EDITION, assumptions=("ah_fields",))
def AH(assume: Assumptions) -> Breaks:
    """{field}（{name}）不得為 0 或空白；請填入實際數值。

    {field} ({name}) must not be 0 or blank; enter the actual figure.
    """
    return {name: col(name).is_null() | (as_int(name) == 0) for name in assume["ah_fields"] if name in fields(EDITION)}


@rule(EDITION, "A74", of_value=True, assumptions=("body_site_letters_combine", "tcm_body_sites_accepted"))
def AE(assume: Assumptions) -> Breaks:
    """{field}（{name}）的代碼不存在；請核對代碼表。

    {field} ({name}) is not a known code; check the code table.
    """
    pattern = site_codes() if assume["body_site_letters_combine"] else site_codes().replace(")+$", ")$")
    if assume["tcm_body_sites_accepted"]:
        pattern = pattern.replace("^(?:", "^(?:C[0-6A-Z]|")
    return ~col.A74.str.contains(pattern)


@rule(EDITION, of_value=True)
def AF() -> Breaks:
    """{field}（{name}）在此就醫類別與上傳方式下不應填寫；請刪除此欄。

    {field} ({name}) must not be sent with this visit category and upload kind; leave it out.

    依附件一必填矩陣。By the requirement matrix of Annex 1.
    """
    forbidden = ever_demanded(EDITION, "forbidden")
    return {name: col(name).is_not_null() & demanded(EDITION, "forbidden", name) for name in forbidden}
