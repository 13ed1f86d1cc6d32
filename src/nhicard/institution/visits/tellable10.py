"""What edition 1.0 cannot tell: visits, orders and values that are left out, each with its reason."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import polars as pl
from polars import col

from nhicard.institution.visits.code_pairs import left_out as codes_left_out
from nhicard.institution.visits.columns import by_field
from nhicard.institution.visits.table import Visits

LEFT_OUT: Final[dict[str, Any]] = {
    "visit": pl.UInt32,
    "order": pl.UInt32,
    "field": pl.String,
    "value": pl.String,
    "text_zh": pl.String,
    "text_en": pl.String,
}
"""Columns of ``left_out`` frames. ``visit``: row in ``Visits.visits``; ``order``: the order's place in it, from 1, null
where the visit itself is meant; ``field`` of 2.0 and its ``value``, which 1.0 cannot tell."""

_UNNAMED_ALLERGY: Final = (
    "1.0 只收過敏藥物名稱；請填 allergy_name",
    "1.0 takes the name of the allergy drug only; give allergy_name",
)


class Tellable(NamedTuple):
    """``told``: what 1.0 can tell. ``rows``: the row that each of its visits had. ``left_out``: the rest."""

    told: Visits
    rows: pl.Series
    left_out: pl.DataFrame


def tellable(told: Visits) -> Tellable:
    """The visits without what 1.0 cannot tell."""
    visits = told.visits.with_row_index("visit").with_columns(order=pl.lit(None, dtype=pl.UInt32))
    place = pl.int_range(1, pl.len() + 1, dtype=pl.UInt32).over("visit")
    orders = told.orders.with_columns(order=place)
    of_visits = _unknown(visits, "visit").unique("visit", keep="first", maintain_order=True)
    kept_orders = orders.join(of_visits, on="visit", how="anti", maintain_order="left")
    of_orders = pl.concat([_unknown(kept_orders, "order"), _unnamed_allergies(kept_orders)])
    of_values = _unknown(kept_orders, "value")
    left_out = pl.concat([of_visits, of_orders, of_values]).sort("visit", "order", nulls_last=False)

    kept = visits.join(of_visits, on="visit", how="anti", maintain_order="left")
    numbered = kept.select("visit").with_row_index("row")
    orders = (
        kept_orders.join(of_orders, on=["visit", "order"], how="anti", maintain_order="left")
        .join(numbered, on="visit", maintain_order="left")
        .with_columns(visit="row")
    )
    orders = orders.with_columns(_without_unknown(orders)).select(told.orders.columns)
    return Tellable(Visits(kept.select(told.visits.columns), orders), kept["visit"], left_out)


def _unknown(frame: pl.DataFrame, scope: str) -> pl.DataFrame:
    """A row for each code in the frame that 1.0 does not know, where that leaves out what ``scope`` says."""
    columns = {**by_field("2.0", "visit"), **by_field("2.0", "order")}
    found = [
        frame.filter(col(columns[each.field]) == each.code).select(
            "visit",
            "order",
            field=pl.lit(each.field),
            value=pl.lit(each.code),
            text_zh=pl.lit(each.zh),
            text_en=pl.lit(each.en),
        )
        for each in codes_left_out()
        if each.scope == scope and columns[each.field] in frame.columns
    ]
    return pl.concat([pl.DataFrame(schema=LEFT_OUT), *found])


def _unnamed_allergies(orders: pl.DataFrame) -> pl.DataFrame:
    """Allergies that 2.0 tells by code, without a name."""
    coded = col.allergy_name.is_null() & (col.allergy_ingredient.is_not_null() | col.allergy_drug_class.is_not_null())
    zh, en = _UNNAMED_ALLERGY
    return orders.filter(coded).select(
        "visit",
        "order",
        field=pl.when(col.allergy_ingredient.is_not_null()).then(pl.lit("E02")).otherwise(pl.lit("E03")),
        value=pl.coalesce("allergy_ingredient", "allergy_drug_class"),
        text_zh=pl.lit(zh),
        text_en=pl.lit(en),
    )


def _without_unknown(orders: pl.DataFrame) -> list[pl.Expr]:
    columns = by_field("2.0", "order")
    values = [(columns[each.field], each.code) for each in codes_left_out() if each.scope == "value"]
    return [
        pl.when(~col(column).is_in([code for of, code in values if of == column]).fill_null(False)).then(column)
        for column in dict.fromkeys(column for column, _ in values)
        if column in orders.columns
    ]
