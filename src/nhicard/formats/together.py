"""Many small files read as one: a file of one record costs a thousandth of what it costs to read it alone.

Files that differ in nothing but their records are joined under one root. Where the joined file shows any fault, its
halves are read instead, down to the single file, so that every file gives what it gives alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from nhicard.formats import encoding as codec
from nhicard.formats.batch import Batch, concat, empty
from nhicard.formats.reader import SLICE_BYTES, UnusableInput, read
from nhicard.formats.tables import Edition

_PLAIN: Final = re.compile(rb"\s*+(?:<\?xml[^>?]*\?>)?\s*+<RECS>\s*+(?=<REC>)")
_ROOT_END: Final = b"</RECS>"
_RECORD_END: Final = b"</REC>"
#: What only a file read alone may hold between its first and last record.
_NOT_PLAIN: Final = re.compile(rb"<[!?]|</?RECS\b")
#: Larger ones gain nothing by being joined.
_SMALL: Final = 1 << 18


@dataclass(frozen=True, slots=True)
class Together:
    """``batch``: the records of all files, numbered through; its faults are those of records.

    ``files``: a row a visit with ``file`` (UInt32, place in what was read) and ``number`` (UInt32, the record's number
    in its file). ``alone``: of each file what is its own (encoding, faults outside records, no records), or why it is
    none. ``line_shift``: what to add to a line number of the batch for the line in the record's own file.
    """

    batch: Batch
    files: pl.DataFrame
    alone: Sequence[Batch | UnusableInput]
    line_shift: NDArray[np.int64]


def read_together(contents: Sequence[bytes], edition: Edition) -> Together:
    """Read upload files; one of another edition comes as UnusableInput, as does what is no upload file."""
    parts: list[_Part] = []
    groups: dict[tuple[bytes, str], list[_Plain]] = {}
    for place, content in enumerate(contents):
        plain = _plain(place, content)
        if plain:
            groups.setdefault((plain.prolog, codec.guess(content)), []).append(plain)
        else:
            parts.append(_read_alone(place, content, edition))
    for group in groups.values():
        for some in _bounded(group):
            parts += _read_joined(some, contents, edition)
    return _put_together(parts, len(contents), edition)


@dataclass(frozen=True, slots=True)
class _Plain:
    """A file that may be joined with others: its start up to the first record, and its records."""

    place: int
    prolog: bytes
    body: bytes


@dataclass(frozen=True, slots=True)
class _Part:
    """What one reading gave: a batch, and for each of its visits the file and its number there."""

    batch: Batch
    places: Sequence[int]
    file: NDArray[np.uint32]
    number: NDArray[np.uint32]
    line_shift: Sequence[int]
    unusable: UnusableInput | None = None


def _plain(place: int, content: bytes) -> _Plain | None:
    """None for a file that must be read alone: large, empty, or with anything beside its records."""
    start = _PLAIN.match(content) if len(content) <= _SMALL else None
    if start is None:
        return None
    end = content.rfind(_ROOT_END)
    body = content[start.end() : end].rstrip()
    whole = end > 0 and not content[end + len(_ROOT_END) :].strip() and body.endswith(_RECORD_END)
    return _Plain(place, start[0], body) if whole and not _NOT_PLAIN.search(body) else None


def _bounded(group: list[_Plain]) -> Iterator[list[_Plain]]:
    """The group in parts that the reader takes as one slice."""
    some: list[_Plain] = []
    size = 0
    for plain in group:
        if some and size + len(plain.body) > SLICE_BYTES // 2:
            yield some
            some, size = [], 0
        some.append(plain)
        size += len(plain.body)
    yield some


def _read_joined(group: list[_Plain], contents: Sequence[bytes], edition: Edition) -> list[_Part]:
    if len(group) == 1:
        return [_read_alone(group[0].place, contents[group[0].place], edition)]
    prolog = group[0].prolog
    batch = read(prolog + b"".join(each.body for each in group) + _ROOT_END, reader="kernel")
    # a fault of its own has every UTF-8 file alike; any other is for the file at fault to show
    faulty = any(fault.record is not None or fault.line is not None for fault in batch.faults)
    if faulty or batch.edition != edition or len(batch.sources) != 1:
        middle = len(group) // 2
        return _read_joined(group[:middle], contents, edition) + _read_joined(group[middle:], contents, edition)
    sizes = [len(each.body) for each in group]
    starts = np.array([0, *accumulate(sizes)][:-1], np.int64) + len(prolog)
    # positions of the source map count from 1
    member = np.searchsorted(starts, batch.sources[0].visit_rows.astype(np.int64) - 1, side="right") - 1
    first = np.searchsorted(member, np.arange(len(group)))
    lines = [0, *accumulate(each.body.count(b"\n") for each in group)][:-1]
    return [
        _Part(
            batch,
            [each.place for each in group],
            np.array([each.place for each in group], np.uint32)[member],
            (np.arange(len(member)) - first[member] + 1).astype(np.uint32),
            [-before for before in lines],
        )
    ]


def _read_alone(place: int, content: bytes, edition: Edition) -> _Part:
    unusable, batch = None, empty(edition)
    try:
        found = read(content, reader="kernel")
        if found.edition == edition:
            batch = found
        else:
            unusable = _other_edition(found.edition)
    except UnusableInput as error:
        unusable = error
    height = batch.visits.height
    file = np.full(height, place, np.uint32)
    return _Part(batch, [place], file, np.arange(1, height + 1, dtype=np.uint32), [0], unusable)


def _put_together(parts: list[_Part], count: int, edition: Edition) -> Together:
    alone: list[Batch | UnusableInput] = [empty(edition)] * count
    line_shift = np.zeros(count, np.int64)
    batches, before = [], 0
    for part in parts:
        outside = tuple(fault for fault in part.batch.faults if fault.record is None)
        facts = part.unusable or replace(empty(edition), encoding=part.batch.encoding, faults=outside)
        for place, shift in zip(part.places, part.line_shift, strict=True):
            alone[place], line_shift[place] = facts, shift
        if part.batch.visits.height:
            batches.append(_numbered_from(before, part.batch))
            before += part.batch.visits.height
    files = pl.DataFrame(
        {
            "file": np.concatenate([np.empty(0, np.uint32), *(part.file for part in parts)]),
            "number": np.concatenate([np.empty(0, np.uint32), *(part.number for part in parts)]),
        }
    )
    return Together(concat(batches or [empty(edition)]), files, alone, line_shift)


def _numbered_from(before: int, batch: Batch) -> Batch:
    """The batch with its records numbered from ``before`` + 1; faults of no record are told apart."""
    by = pl.lit(before, pl.UInt32)
    return replace(
        batch,
        visits=batch.visits.with_columns(pl.col("record") + by),
        orders=batch.orders.with_columns(pl.col("record") + by),
        faults=tuple(
            replace(fault, record=fault.record + before) for fault in batch.faults if fault.record is not None
        ),
    )


def _other_edition(found: Edition) -> UnusableInput:
    return UnusableInput(
        f"檔案是 {found} 格式，與上傳類別不符；請改用正確的上傳類別。",
        f"The file is of edition {found}, not the one of this kind of upload; choose the right kind.",
    )
