"""Orders: category against code, numbering, quantities, teeth, how many a record may hold."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final

import polars as pl
from polars import col

from nhicard.checks.rule import Breaks, any_order, as_date, as_float, as_int, count_orders, record, rule
from nhicard.formats.assumptions import Assumptions
from nhicard.formats.rocdate import parse_date
from nhicard.formats.tables import codes, order_fields

NORMAL_AND_ABNORMAL: Final = ("A", "B")
_NEEDS_ORDERS: Final = ("AE", "AF", "AG", "BC", "AC")
_EVALUATED_ITEM: Final = "E5012C"  # AD68


def one_of(value: pl.Expr, values: Collection[str]) -> pl.Expr:
    """``is_in``; for short lists as single comparisons, which are several times faster on columns of text."""
    return pl.any_horizontal([value == each for each in values]) if 0 < len(values) < 9 else value.is_in(list(values))


def named(*groups: str) -> tuple[str, ...]:
    """Order codes that the official texts name, by the groups of table ``D06-named``."""
    heads = {f"group={group}" for group in groups}
    return tuple(entry.code for entry in codes("2.0", "D06-named").values() if entry.attr.split(";")[0] in heads)


def drug() -> pl.Expr:
    """An order for a drug, dispensed in-house (1) or released (M)."""
    return one_of(col.D02, ("1", "M"))


def in_each_field(assume: Assumptions, group: str, code: str, broken: pl.Expr) -> dict[str, pl.Expr]:
    """The order condition for each field that an assumption (``unnamed_fields`` …) gives for the code.

    A field of the visit is broken where one of its orders is.
    """
    of_orders = order_fields("2.0")
    return {
        field: (broken if field in of_orders else any_order(broken)) & col(field).is_null()
        for field in assume[group][code]
    }


@rule("2.0", "D02", assumptions=("r008_needs_category_g",))
def code_19(assume: Assumptions) -> Breaks:
    """R001-R007、S001-S004 是虛擬醫令，D02 須填 G（刪除填 H）；請改 D02，或確認 D06 是否填錯。

    R001-R007 and S001-S004 are virtual orders, so D02 must be G (H for a deletion); mend D02, or D06 if that
    is the wrong one.
    """
    covered = [each for each in named("virtual-R", "virtual-S") if each != "R008" or assume["r008_needs_category_g"]]
    return col.D06.is_in(covered) & ~one_of(col.D02, ("G", "H"))


@rule("2.0", "D06")
def D033() -> Breaks:
    """R001-R008、S001-S004 只能用在就醫類別 01-09、AE、AF；請改 M07 或刪除這筆醫令。

    R001-R008 and S001-S004 belong to visit categories 01-09, AE and AF only; mend M07 or drop the order.
    """
    allowed = [*(f"0{digit}" for digit in range(1, 10)), "AE", "AF"]
    return col.D06.is_in(named("virtual-R", "virtual-S")) & ~col.M07.is_in(allowed)


@rule("2.0", "D02", of_value=True, assumptions=("unnamed_values_accepted",))
def D000(assume: Assumptions) -> Breaks:
    """醫令類別（D02）不是代碼表裡的值，無法檢核 D06；請改填正確的醫令類別。

    The order category (D02) is not in its code table, so D06 cannot be checked; give a valid category.
    """
    unnamed_too = "D02" in assume["unnamed_values_accepted"]
    return ~col.D02.is_in([entry.code for entry in codes("2.0", "D02").values() if entry.name_zh or unnamed_too])


@rule("2.0", "D03", of_value=True)
def D028() -> Breaks:
    """醫令序號（D03）在同一筆就醫紀錄內重複；請從 001 起每筆醫令給不同的序號。

    The order sequence number (D03) is used twice in this record; number the orders from 001, each once.
    """
    place = record().cast(pl.Int64) * 1000 + as_int("D03")
    return place.is_not_null() & ~place.is_first_distinct()


_TOOTH_KINDS: Final = ("kind=tooth", "kind=tooth-region")
_TEETH: Final = tuple(entry.code for entry in codes("2.0", "D07").values() if entry.attr.split(";")[0] in _TOOTH_KINDS)
_NUMBERED_TEETH: Final = tuple(code for code in _TEETH if code.isdecimal())


def _dental(assume: Assumptions) -> pl.Expr:
    # Two-character items such as 91 (mammography) are preventive care.
    prefixes = [col.D06.str.starts_with(prefix) for prefix in assume["dental_item_prefixes"]]
    return pl.any_horizontal(pl.lit(False), *prefixes) & (col.D06.str.len_bytes() > 2)


def _several_sites(assume: Assumptions) -> pl.Expr:
    """The site field where it holds more than one site, so that the pattern is tried on few values only."""
    return pl.when((col.D07.str.len_bytes() > 2) & pl.lit(assume["body_site_letters_combine"])).then(col.D07)


@rule("2.0", "D07", assumptions=("dental_item_prefixes", "body_site_letters_combine"))
def AD08(assume: Assumptions) -> Breaks:
    """牙科診療項目的部位（D07）須填牙位代碼；請填牙位（如 16、UR），不可空白或填身體部位。

    A dental item needs a tooth in the site field (D07); give the tooth or region (such as 16 or UR), not a
    blank and not a body site.
    """
    teeth = _several_sites(assume).str.contains(f"^(?:{'|'.join(_TEETH)})+$").fill_null(False)
    return _dental(assume) & ~(col.D07.is_in(_TEETH).fill_null(False) | teeth)


@rule("2.0", "D07", of_value=True, assumptions=("dental_item_prefixes", "body_site_letters_combine"))
def AD09(assume: Assumptions) -> Breaks:
    """部位（D07）填了牙位，診療項目（D06）卻不是牙科項目；請改填身體部位，或確認診療項目。

    The site (D07) names a tooth but the order (D06) is no dental item; give a body site or mend the order
    code.

    連填數個部位時，全由字母組成者視為身體部位，不算牙位。Several sites side by side that are letters only
    are read as body sites, not as tooth regions.
    """
    any_tooth, numbered = "|".join(_TEETH), "|".join(_NUMBERED_TEETH)
    teeth = _several_sites(assume).str.contains(f"^(?:{any_tooth})*(?:{numbered})(?:{any_tooth})*$")
    return (col.D07.is_in(_TEETH) | teeth) & ~_dental(assume)


@rule("2.0", "MB2", assumptions=("ag_fields",))
def AG() -> Breaks:
    """MB2 筆數超過上限：健保就醫資料（H00=1）最多 500 筆，預防接種（H00=2）最多 10 筆；請減少 MB2。

    Too many MB2: at most 500 for visit data (H00=1) and 10 for vaccination (H00=2); send fewer.
    """
    limits = {
        entry.code: int(found[1])
        for entry in codes("2.0", "H00").values()
        if (found := re.search(r"MB2<=([0-9]+)", entry.attr))
    }
    return pl.any_horizontal([col.H00.eq(kind) & (count_orders() > limit) for kind, limit in limits.items()])


@rule("2.0", "MB2")
def Y012() -> Breaks:
    """就醫類別 AE、AF、AG、BC、AC 至少要有一筆 MB2；請補上醫令，或確認 M07 是否填錯。

    Visit categories AE, AF, AG, BC and AC need at least one MB2; add the orders, or mend M07 if that is
    wrong.

    只限正常與異常上傳（H01=A、B）：註銷與刪除不必附醫令。Only for H01 A and B; a cancellation or deletion
    need not repeat the orders.
    """
    return one_of(col.H01, NORMAL_AND_ABNORMAL) & one_of(col.M07, _NEEDS_ORDERS) & (count_orders() == 0)


@rule("2.0", "MB2", assumptions=("ai_carries_no_orders",))
def Y013(assume: Assumptions) -> Breaks:
    """同日同醫師看診（AI）不可有 MB2；請把醫令加到當日第一次就醫（01-09 或 AD）的紀錄再上傳。

    A same-day return to the same physician (AI) carries no MB2; add its orders to the record of the first
    visit (01-09 or AD) and send that again.
    """
    return {"MB2": (col.M07 == "AI") & (count_orders() > 0)} if assume["ai_carries_no_orders"] else {}


@rule("2.0", "D10", assumptions=("inferred_fields",))
def AA04(assume: Assumptions) -> Breaks:
    """藥品醫令（D02=1、M）的 {field}（{name}）必填，且須大於 0；請填入總量。

    A drug order (D02 1 or M) needs {field} ({name}), and above 0; give the total.
    """
    return {
        field: drug() & (col(field).is_null() | (as_float(field) <= 0)) for field in assume["inferred_fields"]["AA04"]
    }


@rule("2.0", "D08", assumptions=("unnamed_fields",))
def D029(assume: Assumptions) -> Breaks:
    """藥品醫令（D02=1、M）的 {field}（{name}）必填；請補填。

    A drug order (D02 1 or M) needs {field} ({name}); fill it in.
    """
    return in_each_field(assume, "unnamed_fields", "D029", drug())


@rule("2.0", "D09", of_value=True, assumptions=("inferred_fields",))
def D040(assume: Assumptions) -> Breaks:
    """藥品醫令（D02=1、M）的 {field}（{name}）須為 1 到 90；請改正。

    {field} ({name}) of a drug order (D02 1 or M) must be 1 to 90; correct it.
    """
    return {field: drug() & ~as_int(field).is_between(1, 90) for field in assume["inferred_fields"]["D040"]}


@rule("2.0", "D09", of_value=True, assumptions=("inferred_fields",))
def D041(assume: Assumptions) -> Breaks:
    """自行調劑藥品（D02=1）的 {field}（{name}）不可大於給藥日份（M20）；請核對兩者。

    {field} ({name}) of a drug dispensed in-house (D02=1) must not exceed the days of supply (M20);
    compare the two.
    """
    return {field: (col.D02 == "1") & (as_int(field) > as_int("M20")) for field in assume["inferred_fields"]["D041"]}


@rule("2.0", of_value=True, assumptions=("unnamed_fields",))
def AD38(assume: Assumptions) -> Breaks:
    """{field}（{name}）只能空白或填 PAY；請改正。

    {field} ({name}) must be blank or PAY; correct it.
    """
    return {field: col(field) != "PAY" for field in assume["unnamed_fields"]["AD38"]}


def _total_is_not_one() -> pl.Expr:
    return ~(as_float("D10") == 1).fill_null(False)


@rule("2.0", "D10", off_without=("ad39_items",))
def AD39(assume: Assumptions) -> Breaks:
    """此項目同一就醫日限一筆，總量（D10）須為 1.0；請改總量，並刪除重複的醫令。

    This item may be ordered once on a visit day, with a total (D10) of 1.0; mend the total and drop repeats.

    同一天分開上傳的其他紀錄，須由保險人比對。Other records of the same day are compared by the insurer.
    """
    items = assume["ad39_items"]
    repeated = [count_orders(col.D06.eq(item)) > 1 for item in items]
    of_record = {"MB2": pl.any_horizontal(repeated)} if repeated else {}
    return {"D10": one_of(col.D06, items) & _total_is_not_one(), **of_record}


@rule("2.0", "D10", off_without=("ad40_items",))
def AD40(assume: Assumptions) -> Breaks:
    """此項目的總量（D10）須為 1.0；請改正總量。

    The total (D10) of this item must be 1.0; correct it.
    """
    return one_of(col.D06, assume["ad40_items"]) & _total_is_not_one()


@rule("2.0", "D10", off_without=("ad68_from",))
def AD68(assume: Assumptions) -> Breaks:
    """112 年 8 月 1 日起就醫者，E5012C 的總量（D10）須為 1.0 到 5.0；請改正總量。

    For visits from 112-08-01 on the total (D10) of E5012C must be 1.0 to 5.0; correct it.
    """
    since = parse_date(assume["ad68_from"])
    outside = ~as_float("D10").is_between(1, 5).fill_null(False)
    return (col.D06 == _EVALUATED_ITEM) & (as_date("M11") >= since) & outside
