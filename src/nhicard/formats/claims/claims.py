"""A claim file in memory: three frames, what reading found wrong, and where each value stood."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from nhicard.formats.assumptions import Assumptions
from nhicard.formats.batch import Encoding, Fault, Records, SourceMap, lines
from nhicard.formats.claims.tables import Kind, Level, Table, table


@dataclass(frozen=True, slots=True, eq=False)
class Claims:
    """One claim file.

    ``totals``: one row, a String column for each element of ``tdata`` (t1, t2 …).
    ``cases``: a row a ``ddata``: ``case`` (UInt32, from 1 in the file) and a String column for each d element.
    ``orders``: a row a ``pdata``: ``case``, ``order`` (UInt32, from 1 in its case), ``row`` (UInt32, the row of its
    case in ``cases``) and a String column for each p element. Values are as sent; null means not sent.
    ``alphabets``: the kinds of characters (``batch.Alphabet``) in an element's values, where that is known.
    """

    table: Table
    totals: pl.DataFrame
    cases: pl.DataFrame
    orders: pl.DataFrame
    encoding: Encoding = "ascii"
    faults: tuple[Fault, ...] = ()
    sources: tuple[SourceMap, ...] = field(default=(), repr=False)
    alphabets: Mapping[str, int] = field(default_factory=dict, repr=False)
    total_lines: Mapping[str, int] = field(default_factory=dict, repr=False)

    @property
    def kind(self) -> Kind:
        """Which kind of claim it is."""
        return self.table.kind

    def lines(self, level: Level, rows: NDArray[np.int64], element: str) -> NDArray[np.int64]:
        """Line numbers of an element's values in rows of one frame; 0 where the claims did not come from a file."""
        if level == "t":
            return np.full(len(rows), self.total_lines.get(element, 0), dtype=np.int64)
        return lines(self.sources, "order" if level == "p" else "visit", rows, element)


def of_records(known: Table, records: Records) -> Claims:
    """Claims from what was read by the table's grammar."""
    return Claims(
        table=known,
        totals=_totals(known, {name: value for name, (value, _) in records.preamble.items()}),
        cases=records.visits.rename({"record": "case"}),
        orders=records.orders.rename({"record": "case", "visit": "row"}),
        encoding=records.encoding,
        faults=records.faults,
        sources=records.sources,
        alphabets=records.alphabets,
        total_lines={name: line for name, (_, line) in records.preamble.items()},
    )


def _totals(known: Table, values: Mapping[str, str]) -> pl.DataFrame:
    return pl.DataFrame([dict(values)], schema=dict.fromkeys(known.ids("t"), pl.String))


def build(
    kind: Kind,
    totals: Mapping[str, str],
    cases: Sequence[tuple[Mapping[str, str], Sequence[Mapping[str, str]]]],
    assumptions: Assumptions | None = None,
) -> Claims:
    """Claims from values: tdata, and for each case its d elements and its orders. KeyError names an unknown element."""
    known = table(kind, assumptions)
    rows: list[dict[str, Any]] = [{"case": number, **case} for number, (case, _) in enumerate(cases, 1)]
    orders: list[dict[str, Any]] = [
        {"case": number, "order": place, "row": number - 1, **order}
        for number, (_, own) in enumerate(cases, 1)
        for place, order in enumerate(own, 1)
    ]
    sent = {*totals, *(name for row in (*rows, *orders) for name in row)} - {"case", "order", "row"}
    if unknown := sent - set(known.elements):
        raise KeyError(f"{kind} claims have no element {', '.join(sorted(unknown))}")
    numbers = {"case": pl.UInt32, "order": pl.UInt32, "row": pl.UInt32}
    return Claims(
        known,
        _totals(known, totals),
        pl.DataFrame(rows, schema={"case": pl.UInt32, **dict.fromkeys(known.ids("d"), pl.String)}),
        pl.DataFrame(orders, schema={**numbers, **dict.fromkeys(known.ids("p"), pl.String)}),
    )
