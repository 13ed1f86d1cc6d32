"""From a table of texts to visits: values in wire form, orders joined to visits, what cannot be read listed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import polars as pl
from polars import col

from nhicard.institution.results.masking import masked, masked_text
from nhicard.institution.sources.headings import DEPARTMENT, KEY
from nhicard.institution.sources.values import WHY, value
from nhicard.institution.visits import Visits, read10, telling
from nhicard.institution.visits.columns import Owner, columns, names

ROW: Final = "row"
DOUBTS: Final[Mapping[str, Any]] = {
    "table": pl.String,
    "row": pl.UInt32,
    "key": pl.String,
    "column": pl.String,
    "field": pl.String,
    "value": pl.String,
    "text_zh": pl.String,
    "text_en": pl.String,
}
"""Columns of ``Told.doubts``. ``table``: visits or orders; ``row`` as the spreadsheet counts (of a query: from 1);
``key`` of the visit; ``column`` and its ``field`` of 2.0, else of 1.0; ``value`` masked if personal."""

_NAMES: Final[dict[Owner, str]] = {"visit": "visits", "order": "orders"}
_AMBIGUOUS: Final = (
    "1.0 的醫令類別要連同調劑方式（A78）才看得出意思；請以 A78 填調劑方式，或改用 2.0 的醫令類別",
    "a category of 1.0 has a meaning together with A78 only; give A78, or the category of 2.0",
)


@dataclass(frozen=True, slots=True)
class Table:
    """``rows``: ``row`` (UInt32) and text columns by plain name, with ``visit`` (the key) and ``department`` if given.
    ``of_10``: the columns whose values are in the codes of edition 1.0."""

    of: Owner
    rows: pl.DataFrame
    of_10: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, eq=False)
class Told:
    """``visits``; ``keys`` and ``department`` of each visit as the source has them, null where it has none;
    ``doubts``: values that could not be read and stay as they are (``DOUBTS``)."""

    visits: Visits
    keys: pl.Series
    department: pl.Series | None
    doubts: pl.DataFrame


def tell(visits: Table, orders: Table) -> Told:
    """The visits with their orders, by key. Each order must name a visit, and each key but one visit."""
    known, of_visits = _in_wire_form(visits)
    numbered = known.select(KEY).with_row_index("at").drop_nulls(KEY)
    placed = orders.rows.join(numbered, on=KEY, how="left", maintain_order="left", validate="m:1")
    lines, of_orders = _in_wire_form(Table("order", placed.sort("at", maintain_order=True), orders.of_10))
    at = lines["at"].alias("visit")
    plain = Visits.of_frames(_plain(known, visits), _plain(lines, orders).insert_column(0, at))
    told = plain.filled(_of_10(known, lines, visits, orders))
    untold = _untold_categories(lines, told, orders)
    return Told(
        told,
        known[KEY].alias("key"),
        known[DEPARTMENT] if DEPARTMENT in known.columns else None,
        pl.concat([of_visits, of_orders, untold]).sort("table", "row", descending=[True, False], maintain_order=True),
    )


def no_orders() -> Table:
    """A table of orders without any."""
    return Table("order", pl.DataFrame(schema={ROW: pl.UInt32, KEY: pl.String}))


def doubts(of: Owner, rows: pl.DataFrame, column: str, why: tuple[str, str]) -> pl.DataFrame:
    """A doubt for each of the rows (``row``, ``visit`` and the column), with everybody hidden."""
    zh, en = why
    known = columns().get(column)
    found = rows.select(
        table=pl.lit(_NAMES[of]),
        row=pl.col(ROW).cast(pl.UInt32),
        key=KEY,
        column=pl.lit(column),
        field=pl.lit(known and (known.field20 or known.field10), dtype=pl.String),
        value=column,
        text_zh=pl.lit(zh),
        text_en=pl.lit(en),
    )
    return masked(found).with_columns(col.key.map_elements(masked_text, return_dtype=pl.String))


def _in_wire_form(table: Table) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The rows with all values that can be read in wire form, and the doubts about the others."""
    rows = table.rows
    read = {
        name: value(columns()[name], "1.0" if name in table.of_10 else "2.0")
        for name in rows.columns
        if name in names(table.of)
    }
    wire = rows.with_columns(**{name: each.wire for name, each in read.items()})
    clean = rows.with_columns(**{name: each.clean for name, each in read.items()})
    found = [
        doubts(table.of, clean.filter(clean[name].is_not_null() & wire[name].is_null()), name, WHY[each.kind])
        for name, each in read.items()
        if wire[name].null_count() > clean[name].null_count()
    ]
    told = clean.with_columns(wire[name].fill_null(clean[name]) for name in read)
    return told, pl.concat([pl.DataFrame(schema=dict(DOUBTS)), *found])


def _plain(rows: pl.DataFrame, table: Table) -> pl.DataFrame:
    """The columns in the codes of 2.0; the others are null, so that a table without any keeps its height."""
    given = [name for name in names(table.of) if name in rows.columns and name not in table.of_10]
    nulls = [pl.lit(None, dtype=pl.String).alias(name) for name in names(table.of) if name not in given]
    return rows.with_columns(nulls).select(names(table.of))


def _of_10(known: pl.DataFrame, lines: pl.DataFrame, visits: Table, orders: Table) -> dict[str, pl.Series]:
    """All columns that the columns of 1.0 tell, in the codes of 2.0."""
    if not visits.of_10 and not orders.of_10:
        return {}

    def fields(rows: pl.DataFrame, table: Table) -> dict[str, pl.Series]:
        return {columns()[name].field10: rows[name] for name in sorted(table.of_10)}

    frame = pl.DataFrame(fields(known, visits)) if visits.of_10 else known.select(KEY)
    batch = telling.batch("1.0", frame, pl.DataFrame({"visit": lines["at"], **fields(lines, orders)}))
    told = read10(batch)
    return {name: told.visits[name] for name in names("visit")} | {name: told.orders[name] for name in names("order")}


def _untold_categories(lines: pl.DataFrame, told: Visits, orders: Table) -> pl.DataFrame:
    """Drugs of which 1.0 does not say whether they were dispensed or released."""
    if "order_category" not in orders.of_10:
        return pl.DataFrame(schema=dict(DOUBTS))
    untold = lines["order_category"].is_not_null() & told.orders["order_category"].is_null()
    return doubts("order", lines.filter(untold), "order_category", _AMBIGUOUS)
