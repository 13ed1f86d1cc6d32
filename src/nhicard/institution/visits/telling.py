"""From columns to the frames of a batch, and back: what both editions share."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl

from nhicard.formats.batch import Batch, order_schema, visit_schema
from nhicard.formats.tables import Edition
from nhicard.institution.visits.columns import Owner, by_field, names
from nhicard.institution.visits.table import Visits


def batch(edition: Edition, visits: pl.DataFrame, orders: pl.DataFrame) -> Batch:
    """A batch of frames that have the edition's fields; ``orders`` has ``visit``, ascending. Records and orders are
    numbered from 1; a field without a column was not sent."""
    at = orders["visit"]
    place = np.arange(orders.height) - at.search_sorted(at, side="left").to_numpy() + 1
    visits = visits.with_columns(pl.Series("record", np.arange(visits.height) + 1, dtype=pl.UInt32))
    orders = orders.with_columns((pl.col("visit") + 1).alias("record"), pl.Series("order", place, dtype=pl.UInt32))
    return Batch(edition, _complete(visits, visit_schema(edition)), _complete(orders, order_schema(edition)))


def as_fields(told: Visits, edition: Edition) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The columns under their fields' names; orders with ``visit``."""
    return (
        told.visits.select(**_sources(by_field(edition, "visit"))),
        told.orders.select("visit", **_sources(by_field(edition, "order"))),
    )


def as_columns(visits: pl.DataFrame, orders: pl.DataFrame, edition: Edition) -> Visits:
    """The fields under their columns' names; what the edition does not have is null."""

    def named(frame: pl.DataFrame, of: Owner) -> list[pl.Expr]:
        fields = {column: field for field, column in by_field(edition, of).items()}
        return [
            pl.col(fields[name]).alias(name) if name in fields else pl.lit(None, dtype=pl.String).alias(name)
            for name in names(of)
        ]

    return Visits(visits.select(named(visits, "visit")), orders.select(pl.col("visit"), *named(orders, "order")))


def _sources(columns: Mapping[str, str]) -> dict[str, pl.Expr]:
    return {field: pl.col(column) for field, column in columns.items()}


def _complete(frame: pl.DataFrame, schema: Mapping[str, pl.DataType | type[pl.DataType]]) -> pl.DataFrame:
    return frame.select(
        pl.col(name).cast(kind) if name in frame.columns else pl.lit(None, dtype=kind).alias(name)
        for name, kind in schema.items()
    )
