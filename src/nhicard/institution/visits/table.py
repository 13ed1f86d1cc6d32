"""Visits as the institution knows them: two frames of text columns, null where something is not known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from nhicard.institution.visits.columns import Owner, columns, names

if TYPE_CHECKING:
    from nhicard.institution.visits.visit import Visit

_VISIT: Final = "visit"


@dataclass(frozen=True, slots=True, eq=False)
class Visits:
    """``visits``: a row a visit. ``orders``: a row an order, with ``visit``, the row of its visit (UInt32, ascending).

    All other columns (``columns.names``) are Strings in the wire form of edition 2.0: ROC dates, 2.0 codes. Nothing is
    converted on the way, so that a malformed value reaches the checks as it is. What is null may be derived.
    """

    visits: pl.DataFrame
    orders: pl.DataFrame

    @classmethod
    def of(cls, records: Sequence[Visit]) -> Visits:
        """The visits told in the Python API."""
        told = [(visit.wire(), [order.wire() for order in visit.orders]) for visit in records]
        schema = dict.fromkeys(names("visit"), pl.String)
        order_schema = {_VISIT: pl.UInt32, **dict.fromkeys(names("order"), pl.String)}
        rows = [{_VISIT: row, **order} for row, (_, orders) in enumerate(told) for order in orders]
        return cls(pl.DataFrame([visit for visit, _ in told], schema=schema), pl.DataFrame(rows, schema=order_schema))

    @classmethod
    def of_frames(cls, visits: pl.DataFrame, orders: pl.DataFrame | None = None) -> Visits:
        """Visits from frames that have some of the columns; the others are null, an empty text counts as null.

        ``orders`` has ``visit`` besides; its rows are put in the order of the visits. Raises ValueError for a column
        that there is not, and for orders of no visit.
        """
        told = pl.DataFrame(schema={_VISIT: pl.UInt32}) if orders is None else orders
        rows = told[_VISIT].cast(pl.UInt32)
        if rows.has_nulls() or (rows >= visits.height).any():
            raise ValueError("an order names no row of the visits")
        kept = _complete(told.drop(_VISIT), "order").insert_column(0, rows).sort(_VISIT, maintain_order=True)
        return cls(_complete(visits, "visit"), kept)

    def part(self, rows: pl.Series) -> Visits:
        """The visits of these rows, each at most once, with their orders."""
        place = pl.DataFrame({_VISIT: rows.cast(pl.UInt32)}).with_row_index("place")
        orders = self.orders.join(place, on=_VISIT, maintain_order="left").with_columns(visit="place")
        return Visits(self.visits[rows], orders.drop("place").sort(_VISIT, maintain_order=True))

    def filled(self, found: Mapping[str, pl.Series]) -> Visits:
        """The same with each column filled where it is null; what was given wins."""

        def fill(frame: pl.DataFrame, of: Owner) -> pl.DataFrame:
            mine = {name: values for name, values in found.items() if columns()[name].of == of}
            return frame.with_columns(pl.coalesce(name, values.cast(pl.String)) for name, values in mine.items())

        return Visits(fill(self.visits, "visit"), fill(self.orders, "order"))

    def derive(self, **told: pl.Expr) -> dict[str, pl.Series]:
        """Columns of the visit from expressions over columns of the visit."""
        return _series(self.visits, told)

    def derive_orders(self, **told: pl.Expr) -> dict[str, pl.Series]:
        """Columns of the order from expressions over columns of the order and of its visit."""
        return _series(self.orders_with_visits(), told)

    def orders_with_visits(self) -> pl.DataFrame:
        """The orders with the columns of their visits beside them; no name is in both."""
        return self.orders.hstack(self.visits[self.orders[_VISIT]].get_columns())

    def with_facts_of_orders(self, **facts: pl.Expr) -> Visits:
        """The same with further columns of the visit, aggregated over its orders; null where it has none."""
        found = self.orders.group_by(_VISIT).agg(**facts)
        rows = self.visits.with_row_index(_VISIT).join(found, on=_VISIT, how="left", maintain_order="left")
        return Visits(rows.drop(_VISIT), self.orders)


def _series(frame: pl.DataFrame, told: Mapping[str, Any]) -> dict[str, pl.Series]:
    found = frame.with_columns(**told)
    return {name: found[name] for name in told}


def _complete(frame: pl.DataFrame, of: Owner) -> pl.DataFrame:
    unknown = [name for name in frame.columns if name not in names(of)]
    if unknown:
        raise ValueError(f"there is no column {', '.join(unknown)} of a {of}")
    given = frame.with_columns(pl.all().cast(pl.String)).with_columns(pl.all().replace("", None))
    return given.with_columns(
        pl.lit(None, dtype=pl.String).alias(name) for name in names(of) if name not in given.columns
    ).select(names(of))
