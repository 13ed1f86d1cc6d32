"""Records of one batch that depend on each other, put into rounds that are checked and written one after the other.

A deletion and the record sent anew, a prescription and its dispensing, two dispensings of one prescription: each later
one must be checked with the earlier on record. All other records go together in the first round.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

import polars as pl

from nhicard.checks.facts.refills import DISPENSING
from nhicard.formats.batch import Batch

#: More rounds than a day's honest uploads need; records beyond are checked together in the last one.
MOST: Final = 32
_INSTRUCTIONS: Final = ("3", "4", "C", "D", "E")
_TOKENS: Final = ("key", "prescription")


def rounds(visits: pl.DataFrame) -> pl.Series:
    """The round (from 0) of each row.

    ``visits``: ``key``, ``identifier``, ``original_identifier``, ``category``, ``upload_kind`` as they are stored, in
    the order in which they came.
    """
    places = visits.with_row_index("row").select(
        "row",
        instructs=pl.col("upload_kind").is_in(_INSTRUCTIONS),
        key=pl.lit("k ") + pl.col("key"),
        prescription=pl.when(pl.col("category").is_in(DISPENSING) & (pl.col("original_identifier") != ""))
        .then(pl.lit("p ") + pl.col("original_identifier"))
        .when(pl.col("identifier") != "")
        .then(pl.lit("p ") + pl.col("identifier")),
        dispenses=pl.col("category").is_in(DISPENSING),
    )
    tokens = places.unpivot(on=_TOKENS, index=["row", "instructs", "dispenses"], value_name="token").drop_nulls("token")
    # two plain records of one key are duplicates, which the rules find by themselves
    depend = (pl.len().over("token") > 1) & (pl.col("instructs") | pl.col("dispenses")).any().over("token")
    entangled = tokens.filter(depend).sort("row")
    found = pl.zeros(visits.height, dtype=pl.UInt32, eager=True)
    if not entangled.height:
        return found
    chosen: dict[int, int] = {}
    last: dict[str, int] = {}
    # only records that depend on another one come by here
    for (row,), own in entangled.group_by("row", maintain_order=True):
        names = own["token"].to_list()
        turn = min(MOST - 1, max((last[name] + 1 for name in names if name in last), default=0))
        chosen[int(str(row))] = turn
        last.update(dict.fromkeys(names, turn))
    return found.scatter(list(chosen), list(chosen.values()))


def split(batch: Batch, turns: pl.Series) -> Iterator[tuple[Batch, pl.Series]]:
    """The batch's records round by round, each with the rows of its visits."""
    if not turns.max():
        yield batch, pl.arange(batch.visits.height, eager=True)
        return
    for turn in turns.unique().sort():
        mine = turns == turn
        visits = batch.visits.filter(mine)
        orders = batch.orders.filter(mine.gather(batch.orders["visit"]))
        place = visits.select("record").with_row_index("visit")
        orders = orders.drop("visit").join(place, on="record", how="left", maintain_order="left")
        records = visits["record"].to_list()
        faults = tuple(fault for fault in batch.faults if fault.record in set(records))
        part = replace(batch, visits=visits, orders=orders.select(batch.orders.columns), faults=faults, sources=())
        yield part, mine.arg_true()
