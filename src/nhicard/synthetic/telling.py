"""Telling a made-up visit in an edition's fields: what both editions share."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl

from nhicard.formats.batch import Batch, order_schema, visit_schema
from nhicard.formats.rocdate import YEAR_BEFORE_FIRST
from nhicard.formats.tables import Edition


def batch(
    edition: Edition,
    visits: pl.DataFrame,
    orders: pl.DataFrame,
    visit_fields: Mapping[str, pl.Expr],
    order_fields: Mapping[str, pl.Expr],
    first_record: int,
) -> Batch:
    """The frames of an edition from the story's, given how each field is told; fields not named are not sent.

    ``order_fields`` may also use columns of the order's visit that the order has no column of its own for, and
    ``place``, the order's number in its record.
    """
    record = pl.Series("record", first_record + np.arange(visits.height), dtype=pl.UInt32)
    at = orders["visit"]
    lent = visits.select(name for name in visits.columns if name not in orders.columns)[at]
    starts = at.search_sorted(at, side="left")
    place = pl.Series("place", np.arange(orders.height) - starts.to_numpy() + 1, dtype=pl.UInt32)
    wide = orders.hstack(lent.get_columns()).with_columns(place, record[at])
    told_orders = wide.select("record", order="place", visit="visit", **order_fields)
    told_visits = visits.select(record, **visit_fields)
    return Batch(edition, _complete(told_visits, visit_schema(edition)), _complete(told_orders, order_schema(edition)))


def _complete(frame: pl.DataFrame, schema: Mapping[str, pl.DataType | type[pl.DataType]]) -> pl.DataFrame:
    return frame.select(
        pl.col(name).cast(kind) if name in frame.columns else pl.lit(None, dtype=kind).alias(name)
        for name, kind in schema.items()
    )


def roc_date(column: str | pl.Expr) -> pl.Expr:
    """A Date or Datetime column as ``yyyMMdd``."""
    time = pl.col(column) if isinstance(column, str) else column
    return (time.dt.year() - YEAR_BEFORE_FIRST).cast(pl.String).str.zfill(3) + time.dt.strftime("%m%d")


def roc_time(column: str) -> pl.Expr:
    """A Datetime column as ``yyyMMddHHmmss``."""
    return roc_date(column) + pl.col(column).dt.strftime("%H%M%S")


def only(where: pl.Expr, told: pl.Expr | str) -> pl.Expr:
    """The expression, or the column, where the condition holds; not sent elsewhere."""
    return pl.when(where).then(pl.col(told) if isinstance(told, str) else told)


def choose(where: pl.Expr, yes: str, no: str) -> pl.Expr:
    """One of two literal values."""
    return pl.when(where).then(pl.lit(yes)).otherwise(pl.lit(no))
