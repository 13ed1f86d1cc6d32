"""Many files read at once give what each gives alone."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from nhicard.formats import EDITIONS, Batch, Edition, UnusableInput, write
from nhicard.formats.together import Together, read_together
from tests.properties.strategies import batches, mutated
from tests.properties.test_reading import read_or_refuse

#: Each looks right beside the others and is wrong alone.
HALVES = [
    b"<RECS><REC><MSH><H00>1</H00></MSH></REC><REC></RECS>",
    b"<RECS></REC><REC><MSH><H00>1</H00></MSH></REC></RECS>",
    b"<RECS><REC><MSH><H00>1</H00></MSH></REC><!-- <REC></REC></RECS>",
    b"<RECS><REC></REC> --><REC><MSH><H00>1</H00></MSH></REC></RECS>",
    b"<RECS><REC><MSH><H00>1</H00></MSH></REC></RECS><RECS><REC></REC></RECS>",
    b"<RECS></RECS>",
    b"",
]


@st.composite
def files(draw: st.DrawFn) -> bytes:
    """A file as institutions send it: mostly right, in Big5 or in UTF-8 under a Big5 prolog, now and then damaged."""
    content = draw(st.one_of(batches().map(write), st.sampled_from(HALVES)))
    if draw(st.booleans()):
        content = content.decode("cp950", "replace").encode()
    if draw(st.integers(0, 3)) == 0:
        content = draw(mutated(content))
    return content


@given(st.lists(files(), max_size=6), st.sampled_from(EDITIONS))
def test_files_read_together_are_as_read_alone(contents: list[bytes], edition: Edition) -> None:
    found = read_together(contents, edition)
    for place, content in enumerate(contents):
        require_as_alone(found, place, content, edition)
    assert found.batch.visits["record"].to_list() == list(range(1, found.batch.visits.height + 1))


def require_as_alone(found: Together, place: int, content: bytes, edition: Edition) -> None:
    own = found.alone[place]
    mine = (found.files["file"] == place).arg_true()
    alone = read_or_refuse(content, "kernel")
    if isinstance(alone, str) or alone.edition != edition:
        assert isinstance(own, UnusableInput)
        assert len(mine) == 0
        assert own.en == alone if isinstance(alone, str) else alone.edition in own.en
        return
    assert isinstance(own, Batch)
    assert own.encoding == alone.encoding
    assert own.faults == tuple(fault for fault in alone.faults if fault.record is None)
    visits = found.batch.visits[mine]
    assert found.files["number"][mine].to_list() == alone.visits["record"].to_list()
    assert visits.drop("record").equals(alone.visits.drop("record"))
    first = int(visits["record"][0]) - 1 if visits.height else 0
    orders = found.batch.orders.filter(pl.col("record").is_in(visits["record"].implode()))
    assert orders.drop("visit").equals(alone.orders.drop("visit").with_columns(pl.col("record") + first))
    assert found.batch.visits["record"][orders["visit"]].equals(orders["record"])
    faults = [fault for fault in found.batch.faults if fault.record in set(visits["record"])]
    inside = [fault for fault in alone.faults if fault.record is not None]
    assert faults == [replace(fault, record=(fault.record or 0) + first) for fault in inside]
    rows = mine.to_numpy().astype(np.int64)
    for field in alone.visits.columns:
        lines = found.batch.lines("visit", rows, field) + found.line_shift[place]
        assert lines.tolist() == alone.lines("visit", np.arange(alone.visits.height), field).tolist()


def test_plain_files_are_read_in_one_go() -> None:
    content = b"<RECS>\n<REC><MSH><H00>1</H00></MSH>\n<MB><MB1></MB1></MB></REC></RECS>"
    found = read_together([content] * 50, "2.0")
    assert len(found.batch.sources) == 1
    assert found.batch.visits.height == 50
    assert all(before <= after for before, after in pairwise(found.files["file"]))
