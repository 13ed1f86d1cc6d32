"""Prescriptions: dispensing modes of visits and orders, kinds of prescription, numbers of dispensings."""

from __future__ import annotations

from typing import Final

import polars as pl
from polars import col

from nhicard.checks.rule import Breaks, any_order, as_int, rule
from nhicard.checks.rulebook.edition20.orders import NORMAL_AND_ABNORMAL, drug, one_of
from nhicard.formats.assumptions import Assumptions
from nhicard.formats.tables import codes

_RELEASED: Final = ("1", "C", "D")
_IN_HOUSE: Final = ("0", "6", "A", "B")
_NO_DRUG: Final = ("2", "E", "F")
_DISPENSING: Final = ("AE", "AF")
_COUNT_OF_KIND: Final = {"A": "M24", "B": "M25", "C": "M26", "D": "M27", "E": "M28", "F": "M29"}
_REFILL_OF_KIND: Final = {"C": "M33", "F": "M34"}
_EXEMPT_ROUTES: Final = tuple(
    entry.code for entry in codes("2.0", "D14").values() if entry.attr.startswith("exempt from D027/D056")
)


def _exempt_route() -> pl.Expr:
    """Given by injection and the like at the institution, whatever happens to the other drugs."""
    return col.D14.is_in(_EXEMPT_ROUTES).fill_null(False)


def _carries_its_orders() -> pl.Expr:
    """Deletions and cancellations need no orders, and those of AI stand in the record of the first visit."""
    return one_of(col.H01, NORMAL_AND_ABNORMAL) & (col.M07 != "AI")


@rule("2.0", "M23")
def D027() -> Breaks:
    """處方調劑方式（M23）與醫令類別（D02）不合：M23 為 1、C、D 時至少要有一筆 D02=M；為 0、6、A、B 時不可有
    D02=M。

    Dispensing mode (M23) and order categories (D02) disagree: with M23 1, C or D at least one order must be
    D02=M; with 0, 6, A or B none may be.

    注射等院內給藥途徑（D14）的藥品不列入比對：只有這類藥品時，不要求 D02=M。Drugs given by injection and
    similar routes (D14) are left out: where there are only such drugs, no D02=M is asked for. AI, deletions
    and cancellations carry no orders and are left out as well.
    """
    in_house_by_route = (col.D02 == "1") & _exempt_route()
    nothing_released = ~any_order((col.D02 == "M") | in_house_by_route)
    return (one_of(col.M23, _RELEASED) & _carries_its_orders() & nothing_released) | (
        one_of(col.M23, _IN_HOUSE) & any_order(col.D02 == "M")
    )


@rule("2.0", "D02", of_value=True, assumptions=("d044_exempts_injections",))
def D044(assume: Assumptions) -> Breaks:
    """處方交付調劑（M23=1）時，藥品的醫令類別不可為 1；請改 D02=M，或確認 M23。

    With a released prescription (M23=1) no drug may be D02=1; use D02=M, or mend M23.
    """
    broken = (col.M23 == "1") & (col.D02 == "1")
    return broken & ~_exempt_route() if assume["d044_exempts_injections"] else broken


@rule("2.0", "D02", of_value=True)
def D045() -> Breaks:
    """M23 為 2、E、F（未開藥）時，不可有藥品醫令（D02=1、M）；請改 M23 或刪除藥品醫令。

    M23 2, E and F say that no drug was prescribed, so no order may be D02 1 or M; mend M23 or drop the drug.
    """
    return one_of(col.M23, _NO_DRUG) & drug()


@rule("2.0", "D02", of_value=True)
def D056() -> Breaks:
    """有自行調劑的藥品（D02=1）時，M23 須為 0、A、B、6；請改 M23，交付調劑者改 D02=M。

    A drug dispensed in-house (D02=1) needs M23 0, A, B or 6; mend M23, or use D02=M where it was released.

    注射等院內給藥途徑（D14）的藥品不受此限。Drugs given by injection and similar routes (D14) are exempt.
    """
    return (col.D02 == "1") & ~one_of(col.M23, _IN_HOUSE) & ~_exempt_route()


@rule("2.0", "D05", of_value=True, assumptions=("d02_d05_pairs",))
def D047(assume: Assumptions) -> Breaks:
    """醫令類別（D02）與醫令調劑方式（D05）不能這樣搭配：自行調劑藥品 D02=1 配 0 或 A，交付藥品 D02=M 配 1。

    Order category (D02) and dispensing mode (D05) do not go together: D02=1 takes 0 or A, D02=M takes 1.
    """
    pairs = {category: modes for category, modes in assume["d02_d05_pairs"].items() if modes}
    broken = [col.D02.eq(category) & ~one_of(col.D05, modes) for category, modes in pairs.items()]
    return {"D05": pl.any_horizontal(broken)} if broken else {}


@rule("2.0", "M24", of_value=True)
def D062() -> Breaks:
    """{field}（{name}）大於 0，卻沒有對應處方種類（D04）的醫令；請補 D04，或把 {field} 留空。

    {field} ({name}) is above 0 but no order has the prescription kind (D04) that belongs to it; give D04, or
    leave {field} blank.

    M24 對 A、M25 對 B、M26 對 C、M27 對 D、M28 對 E、M29 對 F。M24 goes with A, M25 with B, M26 with C, M27
    with D, M28 with E and M29 with F.
    """
    return {
        count: (as_int(count) > 0) & _carries_its_orders() & ~any_order(col.D04.eq(kind))
        for kind, count in _COUNT_OF_KIND.items()
    }


@rule("2.0", "D04", of_value=True)
def D064() -> Breaks:
    """處方種類（D04）對應的可調劑次數須大於 0：A 填 M24、B 填 M25、C 填 M26、D 填 M27、E 填 M28、F 填 M29。

    The prescription kind (D04) needs its number of dispensings above 0: M24 for A, M25 for B, M26 for C, M27
    for D, M28 for E, M29 for F.

    領藥與藥局調劑（AE、AF）不檢查：可調劑次數由開立端填寫。Refills and pharmacies (AE, AF) are left out: the
    prescriber gives the number, and D014 and D015 tie it to total days that only the prescriber sends.
    """
    lacking = [col.D04.eq(kind) & ~(as_int(count) > 0).fill_null(False) for kind, count in _COUNT_OF_KIND.items()]
    return pl.any_horizontal(lacking) & ~one_of(col.M07, _DISPENSING)


@rule("2.0", of_value=True, assumptions=("unnamed_fields",))
def D065(assume: Assumptions) -> Breaks:
    """{field}（{name}）只能在藥品不可替代時（D02=1、M）填 N，或藥局替代調劑時（D05=A）填 Y，其他情形留空。

    {field} ({name}) may be N for a drug that must not be substituted (D02 1 or M) or Y for one substituted
    when dispensing (D05=A), and is blank otherwise.
    """
    return {
        field: ~(((col(field) == "N") & drug()) | ((col(field) == "Y") & (col.D05 == "A"))).fill_null(False)
        & col(field).is_not_null()
        for field in assume["unnamed_fields"]["D065"]
    }


@rule("2.0", "M33", assumptions=("refill_number_is_first_character",))
def D077() -> Breaks:
    """調劑慢性病連續處方箋（D05 為 0、A）須填當次聯次：D04=C 填 M33，D04=F 填 M34。

    Dispensing a chronic continuous prescription (D05 0 or A) needs the refill number: M33 for D04=C, M34 for
    D04=F.
    """
    dispensed = one_of(col.D05, ("0", "A"))
    return {
        refill: any_order(col.D04.eq(kind) & dispensed) & ~col(refill).str.contains("[1-9]").fill_null(False)
        for kind, refill in _REFILL_OF_KIND.items()
    }
