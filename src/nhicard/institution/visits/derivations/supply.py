"""What the orders say of the visit: mode of dispensing, days of supply, allowed and performed dispensings."""

from __future__ import annotations

from typing import Final

import polars as pl
from polars import col

from nhicard.formats.tables import codes
from nhicard.institution.visits.columns import table
from nhicard.institution.visits.derivations.prescriptions import as_int, dispenses
from nhicard.institution.visits.table import Visits

_NO_DRUG: Final = ("2", "E", "F")
_RELEASED: Final = ("1", "C", "D")
_PUBLIC_SUPPLY: Final = "G"
# M23 by what happens to drugs (rows) and to therapies: none, carried out here, released.
_MODES: Final = {"none": ("2", "E", "F"), "own": ("0", "A", "B"), "released": ("1", "C", "D")}
_ONCE: Final = {
    "A": "general_dispensings",
    "B": "chronic_dispensings",
    "D": "controlled_general_dispensings",
    "E": "controlled_chronic_dispensings",
}
# Continuous prescriptions by kind: total days, allowed dispensings, the one performed now.
_CONTINUOUS: Final = {
    "C": ("continuous_total_days", "continuous_refills", "continuous_refill"),
    "F": ("controlled_total_days", "controlled_refills", "controlled_refill"),
}


def _therapies(*, in_mode: bool) -> list[tuple[str, str]]:
    """Start of the order code and column of each therapy; for M23 only those that it speaks of."""
    rows = table("therapies").to_dicts()
    return [(row["prefix"], row["column"]) for row in rows if row["in_prescription_mode"] == "yes" or not in_mode]


def prescription_mode(told: Visits) -> dict[str, pl.Series]:
    """處方調劑方式：有交付藥品為 1、只有自行調劑為 0、沒有藥品為 2；有物理、職能治療時改為 C／D、A／B、E／F
    （自行／交付）；公費口服抗病毒藥（D02=4）為 G（代碼表 M23；D027、D044、D045、D056、D083）。

    1 where a drug is released, 0 where drugs are dispensed in-house only, 2 without drugs; with physical or
    occupational therapy C or D, A or B, E or F (carried out here or released); G for oral antivirals supplied by the
    state (D02=4) (code table M23; D027, D044, D045, D056, D083).
    """
    named = codes("2.0", "D06-named").values()
    antivirals = [entry.code for entry in named if entry.attr.startswith("group=antiviral")]
    therapy = (col.order_category == "2") & pl.any_horizontal(
        col.order_code.str.starts_with(prefix) for prefix, _ in _therapies(in_mode=True)
    )
    facts = told.with_facts_of_orders(
        has_own_drug=(col.order_category == "1").any(),
        has_released_drug=(col.order_category == "M").any(),
        has_public_drug=((col.order_category == "4") & col.order_code.is_in(antivirals)).any(),
        has_own_therapy=(therapy & col.dispensing.ne_missing("1")).any(),
        has_released_therapy=(therapy & (col.dispensing == "1")).any(),
    )

    def with_therapy(drugs: str) -> pl.Expr:
        without, own, released = (pl.lit(mode) for mode in _MODES[drugs])
        return pl.when("has_own_therapy").then(own).when("has_released_therapy").then(released).otherwise(without)

    mode = (
        pl.when("has_released_drug")
        .then(with_therapy("released"))
        .when("has_own_drug")
        .then(with_therapy("own"))
        .when("has_public_drug")
        .then(pl.lit(_PUBLIC_SUPPLY))
        .otherwise(with_therapy("none"))
    )
    return facts.derive(prescription_mode=mode)


def days_supplied(told: Visits) -> dict[str, pl.Series]:
    """給藥日份：自行調劑藥品（D02=1）中最長的天數，沒有時取交付藥品；沒開藥（M23=2、E、F）為 0（D008、D036、D041）。

    The longest days of the drugs dispensed in-house (D02=1), else of those released; 0 without drugs (M23 2, E, F)
    (D008, D036, D041).
    """
    days = as_int("days")
    facts = told.with_facts_of_orders(
        own_days=days.filter(col.order_category == "1").max(),
        other_days=days.filter(col.order_category.is_in(["M", "4"])).max(),
    )
    longest = pl.coalesce("own_days", "other_days")
    return facts.derive(days_supplied=pl.when(col.prescription_mode.is_in(_NO_DRUG)).then(0).otherwise(longest))


def _with_kinds(told: Visits, kinds: tuple[str, ...]) -> Visits:
    """With ``issues X`` for each kind: whether the visit prescribes so, and does not dispense an earlier one's."""
    facts = told.with_facts_of_orders(**{f"has {kind}": (col.prescription_kind == kind).any() for kind in kinds})
    issues = {f"issues {kind}": col(f"has {kind}").fill_null(False) & ~dispenses() for kind in kinds}
    return Visits(facts.visits.with_columns(**issues), facts.orders)


def continuous_prescription(told: Visits) -> dict[str, pl.Series]:
    """開立慢連箋（D04=C、F）時，總給藥天數＝給藥日份×可調劑次數；只知總天數時，可調劑次數＝總天數÷給藥日份
    （D008、D014、D017）。

    Where a continuous prescription is issued (D04 C, F) its total days are the days of one supply times the allowed
    dispensings; where only the total is known, the dispensings follow from it (D008, D014, D017).
    """
    facts = _with_kinds(told, tuple(_CONTINUOUS))
    once = as_int("days_supplied")
    found: dict[str, pl.Expr] = {}
    for kind, (total, allowed, _) in _CONTINUOUS.items():
        issues = col(f"issues {kind}") & (once > 0)
        found[total] = pl.when(issues).then(once * as_int(allowed))
        found[allowed] = pl.when(issues & (as_int(total) % once == 0)).then(as_int(total) // once)
    return facts.derive(**found)


def allowed_dispensings(told: Visits) -> dict[str, pl.Series]:
    """一般、慢性病處方箋（D04=A、B、D、E）各可調劑 1 次；領藥與藥局調劑不填（D013、D062、D064）。

    Prescriptions of the kinds A, B, D and E are dispensed once; nothing at refills and pharmacies (D013, D062, D064).
    """
    facts = _with_kinds(told, tuple(_ONCE))
    return facts.derive(**{column: pl.when(f"issues {kind}").then(1) for kind, column in _ONCE.items()})


def refill(told: Visits) -> dict[str, pl.Series]:
    """開立慢連箋當次：自行調劑為第 1 次，交付調劑為 0；領藥與藥局調劑的聯次須由處方箋得知，不推定（D021、D043、D077）。

    The visit that issues a continuous prescription performs its first dispensing in-house, or none (0) where it is
    released; which one a refill or pharmacy performs stands on the prescription (D021, D043, D077).
    """
    facts = _with_kinds(told, tuple(_CONTINUOUS))
    now = pl.when(col.prescription_mode.is_in(_RELEASED)).then(0).otherwise(1)
    return facts.derive(
        **{performed: pl.when(f"issues {kind}").then(now) for kind, (_, _, performed) in _CONTINUOUS.items()}
    )


def therapies(told: Visits) -> dict[str, pl.Series]:
    """物理、職能、語言治療（M30 至 M32）填療程第幾次（therapy_session），依醫令代碼屬哪種治療；
    格式未公布，依用戶端作法。

    Physical, occupational and speech therapy (M30 to M32) take the session of the course (therapy_session), by the
    codes of the orders; the format is not published, clients do so.
    """
    of = _therapies(in_mode=False)
    facts = told.with_facts_of_orders(
        **{f"has {column}": col.order_code.str.starts_with(prefix).any() for prefix, column in of}
    )
    return facts.derive(**{column: pl.when(f"has {column}").then("therapy_session") for _, column in of})
