"""Type, length, range and presence of every 1.0 field."""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import Final

import polars as pl
from polars import col

from nhicard.checks.requirement import demanded
from nhicard.checks.rule import Breaks, any_order, as_float, as_int, count_orders, raw, rule
from nhicard.checks.rulebook import form
from nhicard.formats.assumptions import Assumptions
from nhicard.formats.tables import codes, fields, order_fields, visit_fields

EDITION: Final = "1.0"
_ORDER_ONLY: Final = tuple(name for name in order_fields(EDITION) if "A71" <= name <= "A79")
_DRUGS: Final = ("1", "2", "A", "B")


def carries_order() -> pl.Expr:
    """Whether the MB2 is an order: an allergy entry alone is none."""
    return reduce(or_, (col(name).is_not_null() for name in _ORDER_ONLY))


def _missing(field: str) -> pl.Expr:
    if field in ("A80", "A81", *visit_fields(EDITION)):
        return col(field).is_null()
    if field in ("A61", "A62", "A63", "A64"):
        return col(field).is_null()
    return col(field).is_null() & carries_order()


@rule(EDITION)
def AA() -> Breaks:
    """{field}（{name}）為必填，但未填寫；請補上後重傳。

    {field} ({name}) is required but blank; fill it in and send again.

    依附件一必填矩陣（就醫類別與正常、異常上傳），另補卡（A19=2）須填實際就醫日期 A54。AE、AF、AG、BC 須至少有一筆醫令。
    By the requirement matrix of Annex 1 (visit category, normal or abnormal upload); a late card (A19=2) also
    needs the actual date A54, and AE, AF, AG and BC need at least one order.
    """
    broken = {name: _missing(name) & demanded(EDITION, "required", name) for name in fields(EDITION)}
    broken["A54"] = col.A54.is_null() & (col.A00 == "1") & (col.A19 == "2")
    broken["MB2"] = demanded_orders() & (count_orders(carries_order()) == 0)
    return broken


def demanded_orders() -> pl.Expr:
    """Whether the visit category cannot do without orders (A72 is printed as required for it)."""
    return (col.A00 == "1") & col.A23.is_in(["AE", "AF", "AG", "BC"])


@rule(EDITION, assumptions=("zero_total_orders",))
def AA01(assume: Assumptions) -> Breaks:
    """{field}（{name}）為必填且不得為 0；請填入實際數值。

    {field} ({name}) is required and must not be 0; enter the actual figure.

    藥品（A72 為 1、2、A、B）須有天數；每筆醫令須有總量，虛擬醫令 R001 等除外。
    Drugs (A72 1, 2, A, B) need days; every order needs a total, virtual orders such as R001 excepted.
    """
    virtual = col.A73.is_in(list(assume["zero_total_orders"])).fill_null(False) | col.A72.is_in(["G", "H", "J", "K"]).fill_null(False)
    return {
        "A76": col.A72.is_in(list(_DRUGS)) & (col.A76.is_null() | (as_int("A76") == 0)),
        "A77": (as_float("A77") == 0) & ~virtual,
    }


@rule(EDITION, of_value=True)
def AB() -> Breaks:
    """{field}（{name}）的資料型態錯誤，應為{type}；請改正。

    {field} ({name}) is of the wrong type: it must be {type}; correct it.
    """
    checks = {each.field: form.wrong_type(each) for each in form.each(EDITION)}
    return {name: broken for name, broken in checks.items() if broken is not None}


@rule(EDITION, of_value=True)
def AC() -> Breaks:
    """{field}（{name}）的長度不符，應為{length}；請改正。

    {field} ({name}) has the wrong length: it must be {length}; correct it.
    """
    checks = {each.field: form.wrong_length(EDITION, each) for each in form.each(EDITION)}
    found = {name: broken for name, broken in checks.items() if broken is not None}
    # One blank is a value of A44, not a code of the wrong length.
    return found


_TOOTH_AND_SITE: Final = tuple(codes(EDITION, "A74"))


def site_codes() -> str:
    """A regular expression for a treatment site: one or more codes of the table, one after the other."""
    known = "|".join(sorted(_TOOTH_AND_SITE, key=len, reverse=True))
    return f"^(?:{known})+$"


@rule(EDITION, of_value=True, assumptions=("body_site_letters_combine", "tcm_body_sites_accepted", "a53_allows_up_to_70"))
def AD(assume: Assumptions) -> Breaks:
    """{field}（{name}）的值不在允許範圍（{values}）；請改正。

    {field} ({name}) has a value outside what is allowed ({values}); correct it.
    """
    found = {each.field: form.out_of_range(EDITION, each, {}) for each in form.each(EDITION)}
    checks = {name: broken for name, broken in found.items() if broken is not None}
    checks.pop("A00")  # code 01
    checks["A44"] = checks["A44"] & (raw("A44") != " ")
    checks["A21"] = as_int("A21") == 0
    checks["A24"] = col.A24.str.len_bytes() > 0
    checks["A24"] = ~col.A24.str.contains("^[A-Za-z]+$")
    limit = 92 if assume["days_limit_inclusive"] else 91
    checks["A76"] = ~as_int("A76").is_between(0, limit)
    return checks


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
    return {name: col(name).is_not_null() & demanded(EDITION, "forbidden", name) for name in fields(EDITION)}


__all__ = ["any_order", "carries_order"]
