"""Records of one batch that depend on each other, put into rounds that are checked and written one after the other.

A deletion and the record sent anew, a prescription and its dispensing, a first visit and the return on the same day:
each later one must be checked with the earlier on record. Whatever a rule asks of the records on file is about the same
person, so a person with such records takes one round after the other; everybody else goes in the first.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

import polars as pl

from nhicard.formats.batch import Batch

#: More than one person's records of a batch need; those beyond are checked together in the last round.
MOST: Final = 32
_INSTRUCTIONS: Final = ("3", "4", "C", "D", "E")
_REPORT: Final = "5"
_RETURN: Final = "AI"


def rounds(visits: pl.DataFrame) -> pl.Series:
    """The round (from 0) of each row.

    ``visits``: the stored columns, ``file``, ``number`` (which say what came first) and ``changes_entries``
    (``storing.typed``).
    """
    refers = (
        pl.col("upload_kind").is_in(_INSTRUCTIONS)
        | (pl.col("original_identifier") != "")
        | (pl.col("category") == _RETURN)
        | (pl.col("data_type") == _REPORT)
        | pl.col("changes_entries")
        | (pl.len().over("patient_id", "visit_time") > 1)
    )
    came = pl.col("file").cast(pl.UInt64) * (1 << 32) + pl.col("number")
    turn = (came.rank("ordinal").over("patient_id") - 1).clip(upper_bound=MOST - 1)
    depends = (pl.col("patient_id") != "") & refers.any().over("patient_id")
    return visits.select(pl.when(depends).then(turn).otherwise(0).cast(pl.UInt32)).to_series()


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
