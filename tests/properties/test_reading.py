"""Reading: the two readers agree, writing and reading are inverse, and no bytes whatever raise."""

from __future__ import annotations

import dataclasses
from datetime import datetime
from typing import Literal

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from nhicard.checks import check
from nhicard.checks.context import Context
from nhicard.checks.files import check_file
from nhicard.formats import Batch, UnusableInput, concat, read, scan, write
from nhicard.formats.batch import Fault
from nhicard.formats.reader import Reader
from tests.properties.strategies import batches, mutated


def read_or_refuse(data: bytes, reader: Reader, slice_bytes: int = 1 << 16) -> Batch | str:
    try:
        return concat(list(scan(data, reader=reader, slice_bytes=slice_bytes)))
    except UnusableInput as refusal:
        return refusal.en


def all_lines(batch: Batch) -> list[list[int]]:
    frames: list[tuple[Literal["visit", "order"], pl.DataFrame]] = [("visit", batch.visits), ("order", batch.orders)]
    return [
        batch.lines(scope, np.arange(frame.height), name).tolist() for scope, frame in frames for name in frame.columns
    ]


def comparable(faults: tuple[Fault, ...]) -> list[Fault]:
    return sorted((dataclasses.replace(fault) for fault in faults), key=repr)


def assert_equal(left: Batch | str, right: Batch | str) -> None:
    if isinstance(left, str) or isinstance(right, str):
        assert left == right
        return
    assert left.edition == right.edition
    assert left.encoding == right.encoding
    assert left.visits.equals(right.visits)
    assert left.orders.equals(right.orders)
    assert comparable(left.faults) == comparable(right.faults)
    assert all_lines(left) == all_lines(right)


@given(batches())
def test_what_was_written_is_read_back(batch: Batch) -> None:
    readers: tuple[Reader, ...] = ("kernel", "tree")
    for reader in readers:
        again = read(write(batch), reader=reader)
        assert not again.faults
        assert again.visits.equals(batch.visits)
        assert again.orders.equals(batch.orders)


@given(batches(), st.data())
def test_both_readers_give_equal_batches(batch: Batch, data: st.DataObject) -> None:
    file = data.draw(mutated(write(batch)))
    assert_equal(read_or_refuse(file, "kernel"), read_or_refuse(file, "tree"))


@given(batches(), st.data())
def test_slices_do_not_change_what_is_read(batch: Batch, data: st.DataObject) -> None:
    file = data.draw(mutated(write(batch)))
    size = data.draw(st.integers(200, 2000))
    whole = read_or_refuse(file, "kernel")
    assert_equal(whole, read_or_refuse(file, "kernel", size))
    assert_equal(whole, read_or_refuse(file, "tree", size))


@given(st.one_of(st.binary(max_size=300), st.builds(lambda tail: b"<RECS>" + tail, st.binary(max_size=300))))
def test_no_bytes_raise(data: bytes) -> None:
    assert_equal(read_or_refuse(data, "kernel"), read_or_refuse(data, "tree"))


@given(batches(), st.data())
def test_findings_do_not_depend_on_the_reader(batch: Batch, data: st.DataObject) -> None:
    file = data.draw(mutated(write(batch)))
    fast, careful = read_or_refuse(file, "kernel"), read_or_refuse(file, "tree")
    if isinstance(fast, Batch) and isinstance(careful, Batch):
        moment = Context(as_of=datetime(2023, 10, 20, 12))
        assert check(fast, moment).frame.equals(check(careful, moment).frame)


@given(batches(), st.data())
def test_checking_never_raises(batch: Batch, data: st.DataObject) -> None:
    file = data.draw(mutated(write(batch)))
    try:
        parts = list(check_file(file, Context(), reader="kernel"))
    except UnusableInput:
        return
    for part in parts:
        assert part.accepted + part.accepted_with_warnings + part.rejected == part.records
