"""Visits as the outbox keeps them: one JSON text a visit, and back into frames."""

from __future__ import annotations

from functools import cache
from typing import Final

import polars as pl

from nhicard.institution.visits import Visits
from nhicard.institution.visits.columns import names

_NULL: Final = r'"\w+":null,?'


def as_texts(told: Visits) -> pl.Series:
    """A JSON text for each visit, what is not known left out; equal texts mean equal content."""
    orders = told.orders.select("visit", order=pl.struct(names("order")).struct.json_encode())
    of_visit = orders.group_by("visit", maintain_order=True).agg(orders=pl.col("order").str.join(","))
    rows = told.visits.select(visit=pl.struct(names("visit")).struct.json_encode()).with_row_index("row")
    rows = rows.join(of_visit, left_on="row", right_on="visit", how="left", maintain_order="left")
    text = pl.concat_str(
        pl.col("visit").str.head(pl.col("visit").str.len_chars() - 1),
        pl.lit(',"orders":['),
        pl.col("orders").fill_null(""),
        pl.lit("]}"),
    )
    cleaned = text.str.replace_all(_NULL, "").str.replace_all(",}", "}", literal=True)
    return rows.select(content=cleaned.str.replace_all("{,", "{", literal=True)).to_series()


def as_visits(texts: pl.Series) -> Visits:
    """The inverse."""
    told = texts.str.json_decode(_whole()).struct.unnest()
    orders = told.select("orders").with_row_index("visit").explode("orders").drop_nulls("orders")
    return Visits.of_frames(told.drop("orders"), orders.unnest("orders"))


@cache
def _whole() -> pl.Struct:
    order = pl.Struct(dict.fromkeys(names("order"), pl.String))
    return pl.Struct({**dict.fromkeys(names("visit"), pl.String), "orders": pl.List(order)})
