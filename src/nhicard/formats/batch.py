"""A batch of records: two frames, what reading found wrong, and where in the file each value stood."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntFlag
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from nhicard.formats.tables import Edition, order_fields, visit_fields

Encoding = Literal["ascii", "big5", "utf-8"]
Scope = Literal["visit", "order"]


class Alphabet(IntFlag):
    """Kinds of characters. ``BLANK`` says that a value may be empty or white space."""

    DIGIT = 1
    UPPER = 2
    LOWER = 4
    OTHER = 8
    WIDE = 16
    BLANK = 32


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that reading itself found, under the official code that says it.

    ``record`` and ``order`` count from 1; None where the fault is the file's. ``offset`` counts bytes from the
    file's start. ``zh`` and ``en`` say what is wrong and what to do.
    """

    code: str
    zh: str
    en: str
    record: int | None = None
    order: int | None = None
    field: str | None = None
    value: str | None = None
    line: int | None = None
    offset: int | None = None


@dataclass(frozen=True, slots=True)
class SourceMap:
    """Where the values of a batch stood: byte positions within one slice, turned into line numbers on demand.

    Positions are counted from 1 so that 0 can mean "was not sent"; ``visit_cells`` has shape (visit fields,
    visits), ``order_cells`` (order fields, orders); ``visit_ids`` and ``order_ids`` name those fields.
    """

    newlines: Callable[[], NDArray[np.int32]]
    first_line: int
    visit_rows: NDArray[np.int32]
    order_rows: NDArray[np.int32]
    visit_cells: NDArray[np.int32]
    order_cells: NDArray[np.int32]
    visit_ids: tuple[str, ...]
    order_ids: tuple[str, ...]

    def lines(self, scope: Scope, rows: NDArray[np.int64], field_id: str | None) -> NDArray[np.int64]:
        """Line numbers (from 1) of a field's values in the given rows; of the element where it was not sent."""
        if scope == "visit":
            starts, cells, ids = self.visit_rows, self.visit_cells, self.visit_ids
        else:
            starts, cells, ids = self.order_rows, self.order_cells, self.order_ids
        positions = starts[rows]
        if field_id in ids:
            sent = cells[ids.index(field_id), rows]
            positions = np.where(sent > 0, sent, positions)
        return np.searchsorted(self.newlines(), positions - 1, side="left") + self.first_line


def lines(
    sources: Sequence[SourceMap], scope: Scope, rows: NDArray[np.int64], field_id: str | None
) -> NDArray[np.int64]:
    """Line numbers of a field's values in rows of one frame that the sources tell of together; 0 beyond them."""
    found = np.zeros(len(rows), dtype=np.int64)
    base = 0
    for source in sources:
        height = len(source.visit_rows if scope == "visit" else source.order_rows)
        mine = (rows >= base) & (rows < base + height)
        found[mine] = source.lines(scope, rows[mine] - base, field_id)
        base += height
    return found


@dataclass(frozen=True, slots=True, eq=False)
class Records:
    """What reading gives whatever the grammar; the columns are those of ``Batch``.

    ``preamble``: value and line of each field that stands once, before the records.
    """

    visits: pl.DataFrame
    orders: pl.DataFrame
    encoding: Encoding = "ascii"
    faults: tuple[Fault, ...] = ()
    sources: tuple[SourceMap, ...] = ()
    alphabets: Mapping[str, int] = field(default_factory=dict)
    preamble: Mapping[str, tuple[str, int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Records of one file, or of one slice of it.

    ``visits``: ``record`` (UInt32, from 1) and a String column for each field of MSH and MB1.
    ``orders``: ``record``, ``order`` (UInt32, both from 1), ``visit`` (UInt32, row in ``visits``) and a String
    column for each field of MB2. Values are as sent; null means not sent.
    ``alphabets``: the kinds of characters (``Alphabet``) that occur in a field's values, where that is known.
    ``sources`` pairs each stretch of visit and order rows with its source map (empty for built batches).
    """

    edition: Edition
    visits: pl.DataFrame
    orders: pl.DataFrame
    encoding: Encoding = "ascii"
    faults: tuple[Fault, ...] = ()
    sources: tuple[SourceMap, ...] = field(default=(), repr=False)
    alphabets: Mapping[str, int] = field(default_factory=dict, repr=False)

    @property
    def first_record(self) -> int:
        """The record number of the first visit, 1 for an empty batch."""
        return int(self.visits["record"][0]) if self.visits.height else 1

    def lines(self, scope: Scope, rows: NDArray[np.int64], field_id: str | None) -> NDArray[np.int64]:
        """Line numbers of a field's values in rows of one frame; 0 where the batch did not come from a file."""
        return lines(self.sources, scope, rows, field_id)


def visit_schema(edition: Edition) -> dict[str, pl.DataType | type[pl.DataType]]:
    """Schema of ``Batch.visits``."""
    return {"record": pl.UInt32, **dict.fromkeys(visit_fields(edition), pl.String)}


def order_schema(edition: Edition) -> dict[str, pl.DataType | type[pl.DataType]]:
    """Schema of ``Batch.orders``."""
    return {
        "record": pl.UInt32,
        "order": pl.UInt32,
        "visit": pl.UInt32,
        **dict.fromkeys(order_fields(edition), pl.String),
    }


def empty(edition: Edition) -> Batch:
    """A batch without records."""
    return Batch(edition, pl.DataFrame(schema=visit_schema(edition)), pl.DataFrame(schema=order_schema(edition)))


def build(edition: Edition, records: list[tuple[dict[str, str], list[dict[str, str]]]]) -> Batch:
    """A batch from records given as (visit fields, list of order fields); for single visits and tests.

    Raises KeyError naming a field that the edition does not have.
    """
    for visit, orders in records:
        unknown = set(visit) - set(visit_fields(edition))
        for order in orders:
            unknown |= set(order) - set(order_fields(edition))
        if unknown:
            raise KeyError(f"edition {edition} has no field {', '.join(sorted(unknown))} in this segment")
    visits = [{"record": number, **visit} for number, (visit, _) in enumerate(records, 1)]
    orders_flat = [
        {"record": number, "order": place, "visit": number - 1, **order}
        for number, (_, orders) in enumerate(records, 1)
        for place, order in enumerate(orders, 1)
    ]
    return Batch(
        edition,
        pl.DataFrame(visits, schema=visit_schema(edition)),
        pl.DataFrame(orders_flat, schema=order_schema(edition)),
    )


def chosen(batch: Batch, keep: pl.Series) -> Batch:
    """The records of which ``keep`` (Boolean, a value a visit) is true, numbered from 1; faults and places are gone."""
    visits = batch.visits.filter(keep).with_columns(record=pl.int_range(1, pl.len() + 1, dtype=pl.UInt32))
    row = (keep.cum_sum() - 1).cast(pl.UInt32).gather(batch.orders["visit"])
    orders = batch.orders.with_columns(visit=row, record=row + 1).filter(keep.gather(batch.orders["visit"]))
    return Batch(batch.edition, visits, orders, encoding=batch.encoding)


def concat(batches: list[Batch]) -> Batch:
    """The batches of one file's slices as one; raises ValueError when there are none or editions differ."""
    if not batches:
        raise ValueError("nothing to join: no batches")
    if len(batches) == 1:
        return batches[0]
    if any(batch.edition != batches[0].edition for batch in batches):
        raise ValueError("batches of different editions cannot be joined")
    whole = joined([_records(batch) for batch in batches])
    return of_records(batches[0].edition, whole)


def of_records(edition: Edition, records: Records) -> Batch:
    """The records as a batch of visits."""
    return Batch(
        edition,
        records.visits,
        records.orders,
        records.encoding,
        records.faults,
        records.sources,
        records.alphabets,
    )


def _records(batch: Batch) -> Records:
    return Records(batch.visits, batch.orders, batch.encoding, batch.faults, batch.sources, batch.alphabets)


def joined(parts: Sequence[Records]) -> Records:
    """The records of one file's slices, of which there is at least one, as one."""
    if len(parts) == 1:
        return parts[0]
    orders = []
    row = 0
    for part in parts:
        orders.append(part.orders.with_columns(pl.col("visit") + pl.lit(row, dtype=pl.UInt32)))
        row += part.visits.height
    first = parts[0]
    return Records(
        visits=pl.concat([part.visits for part in parts]),
        orders=pl.concat(orders),
        encoding=next((part.encoding for part in reversed(parts) if part.encoding != "ascii"), "ascii"),
        faults=tuple(fault for part in parts for fault in part.faults),
        sources=tuple(source for part in parts for source in part.sources),
        alphabets={
            name: int(np.bitwise_or.reduce([part.alphabets[name] for part in parts]))
            for name in first.alphabets
            if all(name in part.alphabets for part in parts)
        },
        preamble=first.preamble,
    )
