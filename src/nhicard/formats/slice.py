"""One slice of a file: the span kernel and the tree reader take turns and fill the same columns."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from nhicard.formats import tree_reader
from nhicard.formats.batch import Encoding, Fault, Records, SourceMap
from nhicard.formats.encoding import decode_table
from nhicard.formats.grammar import Grammar
from nhicard.formats.tree_reader import MAX_VALUE, MOST_LISTED, record_end, undecodable

_BETWEEN = re.compile(rb"(?:\s+|<!--.*?-->|<\?.*?\?>)+", re.DOTALL)
_CUT_TAG = re.compile(rb"<[^>]{0,16}\Z")
_SAMPLE_BYTES: Final = 1 << 18


@dataclass(slots=True)
class _Overlay:
    """Values that the tree reader found, column by column, waiting to be laid over the kernel's columns."""

    rows: list[list[int]]
    values: list[list[str]]

    @classmethod
    def of(cls, columns: int) -> _Overlay:
        return cls([[] for _ in range(columns)], [[] for _ in range(columns)])


@dataclass(slots=True)
class _Columns:
    """The kernel's arrays for one segment: views, cells (position + 1) and row starts; see span_kernel."""

    ids: tuple[str, ...]
    views: NDArray[np.uint8]
    cells: NDArray[np.int32]
    rows: NDArray[np.int32]
    overlay: _Overlay

    @classmethod
    def of(cls, ids: tuple[str, ...], capacity: int) -> _Columns:
        return cls(
            ids,
            np.zeros((len(ids), capacity, 16), dtype=np.uint8),
            np.zeros((len(ids), capacity), dtype=np.int32),
            np.zeros(capacity, dtype=np.int32),
            _Overlay.of(len(ids)),
        )

    def grow(self) -> None:
        """Twice as many rows."""
        self.views = np.concatenate([self.views, np.zeros_like(self.views)], axis=1)
        self.cells = np.concatenate([self.cells, np.zeros_like(self.cells)], axis=1)
        self.rows = np.concatenate([self.rows, np.zeros_like(self.rows)])

    def put(self, row: int, values: dict[str, tuple[str, int]], positions: NDArray[np.int32]) -> None:
        """Take one row's values from the tree reader; their lines become positions of line starts."""
        for field_id, (value, line) in values.items():
            column = self.ids.index(field_id)
            self.overlay.rows[column].append(row)
            self.overlay.values[column].append(value)
            self.cells[column, row] = positions[min(line, len(positions)) - 1]

    def series(self, height: int, data: NDArray[np.uint8], side: NDArray[np.uint8]) -> list[pl.Series]:
        return [self._column(column, height, data, side) for column in range(len(self.ids))]

    def _column(self, column: int, height: int, data: NDArray[np.uint8], side: NDArray[np.uint8]) -> pl.Series:
        rows = self.overlay.rows[column]
        overlay = pl.Series(self.overlay.values[column], dtype=pl.String)
        if len(rows) == height:
            return overlay.alias(self.ids[column])
        sent = self.cells[column, :height] > 0
        sent[rows] = False
        if sent.any():
            series = _string_views(self.views[column, :height], sent, data, side)
        else:
            series = pl.Series([None], dtype=pl.String).new_from_index(0, height)
        if rows:
            series = series.scatter(rows, overlay)
        return series.alias(self.ids[column])


def _string_views(
    views: NDArray[np.uint8], sent: NDArray[np.bool_], data: NDArray[np.uint8], side: NDArray[np.uint8]
) -> pl.Series:
    """A String column over the views, without copying; null where not sent."""
    import pyarrow as pa

    validity = None if sent.all() else pa.py_buffer(np.packbits(sent, bitorder="little"))
    array = pa.Array.from_buffers(
        pa.string_view(),
        len(sent),
        [validity, pa.py_buffer(views), pa.py_buffer(data), pa.py_buffer(side)],
    )
    series = pl.from_arrow(array)
    assert isinstance(series, pl.Series)
    return series


@dataclass(slots=True)
class Slice:
    """Bytes of a file from ``offset`` on, ``end`` of them followed by NUL padding, and how to number them."""

    data: NDArray[np.uint8]
    end: int
    offset: int
    first_record: int
    first_line: int
    use_kernel: bool
    closed: bool = False  # the root's end tag was seen
    stopped: bool = False  # what follows cannot be read as part of this upload
    _newlines: NDArray[np.int32] | None = field(default=None, repr=False)

    def __len__(self) -> int:
        return self.end

    def head(self, length: int) -> bytes:
        return self.data[: min(length, self.end)].tobytes()

    def tail(self, position: int) -> memoryview:
        return memoryview(self.data[position : self.end].data)

    @property
    def newlines(self) -> NDArray[np.int32]:
        """Positions of the slice's line feeds."""
        if self._newlines is None:
            self._newlines = np.flatnonzero(self.data[: self.end] == 10).astype(np.int32)
        return self._newlines

    def line_at(self, position: int) -> int:
        return int(np.searchsorted(self.newlines, np.int32(position), side="left")) + self.first_line

    def lines_before(self, position: int) -> int:
        if self._newlines is None:
            return int(np.count_nonzero(self.data[:position] == 10))
        return int(np.searchsorted(self.newlines, np.int32(position), side="left"))

    def read(
        self, start: int, grammar: Grammar, encoding: Encoding, root: bytes, *, final: bool, closed: bool
    ) -> tuple[int, Records]:
        """Read records from ``start`` on: (bytes consumed, records).

        What is not consumed must stand at the start of the next slice; ``final`` says that there is none.
        ``closed`` says that the root's end tag stood in an earlier slice.
        """
        return _SliceReader(self, start, grammar, encoding, root, final=final, closed=closed).run()


class _SliceReader:
    def __init__(
        self,
        part: Slice,
        start: int,
        grammar: Grammar,
        encoding: Encoding,
        root: bytes,
        *,
        final: bool,
        closed: bool,
    ) -> None:
        self.part = part
        self.position = start
        self.grammar = grammar
        self.encoding = encoding
        self.root = root
        self.final = final
        self.part.closed = closed
        self.visits = _Columns.of(grammar.columns("visit"), self._room(grammar.record))
        self.orders = _Columns.of(grammar.columns("order"), self._room(grammar.order))
        self.order_visit = np.zeros(len(self.orders.rows), dtype=np.int32)
        self.order_place = np.zeros(len(self.orders.rows), dtype=np.int32)
        self.side = np.empty(3 * len(part) + 64, dtype=np.uint8)
        self.bad = np.zeros(MOST_LISTED, dtype=np.int64)
        self.bad_cells = np.zeros((MOST_LISTED, 3), dtype=np.int32)
        self.alphabets = np.zeros((2, max(len(self.visits.ids), len(self.orders.ids))), dtype=np.uint8)
        self.counts = np.zeros(4, dtype=np.int64)
        self.faults: list[Fault] = []
        self.between = 0
        self._bytes: bytes | None = None

    def _room(self, element: str) -> int:
        """Rows that the slice will probably need, from a sample of it; too few only costs a copy."""
        sample = self.part.head(_SAMPLE_BYTES)
        return int(1.2 * sample.count(f"<{element}>".encode()) * len(self.part) / max(1, len(sample))) + 16

    @property
    def bytes(self) -> bytes:
        if self._bytes is None:
            self._bytes = self.part.head(len(self.part))
        return self._bytes

    def run(self) -> tuple[int, Records]:
        while self.position < self.part.end:
            before = self.position
            if self.part.use_kernel and not self.part.closed:
                from nhicard.formats import span_kernel

                status = self._kernel()
                if status == span_kernel.DONE:
                    break
                if status == span_kernel.FULL:
                    self._grow(int(self.counts[0]) + 1, int(self.counts[1]) + len(self.orders.rows))
                    continue
                if status == span_kernel.INCOMPLETE and not self.final:
                    break
            if not self._irregular():
                break
            assert self.position > before
        return self.position, self._records()

    def _grow(self, visits: int, orders: int) -> None:
        """Make room for so many rows."""
        while visits > len(self.visits.rows):
            self.visits.grow()
        while orders > len(self.orders.rows):
            self.orders.grow()
            self.order_visit = np.concatenate([self.order_visit, np.zeros_like(self.order_visit)])
            self.order_place = np.concatenate([self.order_place, np.zeros_like(self.order_place)])

    def _kernel(self) -> int:
        from nhicard.formats import span_kernel

        known = span_kernel.tables(self.grammar)
        table = decode_table() if self.encoding == "big5" else _NO_TABLE
        position, status = span_kernel.read_records(
            self.part.data,
            self.position,
            self.part.end,
            known.letters,
            known.slots,
            known.segments,
            known.digits,
            known.takes,
            known.tags,
            known.leads,
            span_kernel.UTF8 if self.encoding == "utf-8" else span_kernel.BIG5,
            MAX_VALUE,
            table,
            self.visits.views,
            self.visits.cells,
            self.visits.rows,
            self.orders.views,
            self.orders.cells,
            self.orders.rows,
            self.order_visit,
            self.order_place,
            self.side,
            self.bad,
            self.bad_cells,
            _kinds(),
            self.alphabets,
            self.counts,
        )
        self.position = int(position)
        return int(status)

    def _irregular(self) -> bool:
        """Pass over whatever stands at the position: False when more bytes are needed first."""
        data = self.bytes
        gap = _BETWEEN.match(data, self.position)
        if gap:
            self.position = gap.end()
            if self.position >= self.part.end:
                return False
        at = self.position
        patterns, root = self.grammar.patterns, self.grammar.root
        if data.startswith((b"<!--", b"<?"), at):  # it has no end, or the gap would have covered it
            if not self.final:
                return False
            zh = "註解或處理指令沒有結尾，其後的內容無法讀取；請補上結尾或刪除。"
            en = "A comment or processing instruction has no end, so nothing behind it can be read; close or remove it."
            self._fault("Y003", zh, en, at)
            return self._stop()
        if not self.final and _CUT_TAG.match(data, at):
            return False
        if patterns.record_start.match(data, at) and not self.part.closed:
            return self._record(at)
        end = patterns.end.match(data, at)
        if end and not self.part.closed:
            self.part.closed = True
            self.position = end.end()
            return True
        again = patterns.again.match(data, at)
        if again:
            zh = f"檔案有多個 <{root}>，整份退件；每份檔案只能有一個。"
            en = f"The file has more than one <{root}>; the whole file is rejected, send one {root} a file."
            self._fault("Y015", zh, en, at)
            return self._stop()
        if self.part.closed:
            self._fault(
                "Y003", f"</{root}> 之後還有內容；請刪除。", f"There is content behind </{root}>; remove it.", at
            )
            return self._stop()
        resume = patterns.resume.search(data, at + 1)
        if resume is None and not self.final:
            return False
        record = self.grammar.record
        self._fault("Y005", f"<{root}> 之內、<{record}> 之外有其他內容；請刪除。",
                    f"There is something within <{root}> that is not a <{record}>; remove it.", at)  # fmt: skip
        self.between += 1
        if self.between == MOST_LISTED:  # the file is refused anyway, and has nothing that is worth reading on for
            self._fault("Y003", "不屬於任何一筆的內容太多，不再讀取；請重新產生檔案。",
                        "Too much here is no part of any record; reading stops, write the file again.", at)  # fmt: skip
            return self._stop()
        self.position = resume.start() if resume else self.part.end
        return True

    def _stop(self) -> bool:
        self.part.stopped = True
        self.position = self.part.end
        return False

    def _record(self, start: int) -> bool:
        end, closed = record_end(self.bytes, start, self.grammar)
        if not closed and end >= self.part.end and not self.final:
            return False
        raw = self.bytes[start:end]
        record = tree_reader.read_record(
            raw, self.grammar, self.encoding, self.root, closed=closed, offset=self.part.offset + start
        )
        row, order_row = int(self.counts[0]), int(self.counts[1])
        self._grow(row + 1, order_row + len(record.orders))
        newlines = self.part.newlines
        first, last = np.searchsorted(newlines, np.array((start, end), dtype=np.int32), side="left").tolist()
        positions = np.concatenate(([start + 1], newlines[first:last] + 2)).astype(np.int32)
        self.visits.rows[row] = start + 1
        self.visits.put(row, record.visit, positions)
        for place, (line, values) in enumerate(record.orders, 1):
            self.orders.rows[order_row] = positions[min(line, len(positions)) - 1]
            self.order_visit[order_row] = row
            self.order_place[order_row] = place
            self.orders.put(order_row, values, positions)
            order_row += 1
        self.counts[0], self.counts[1] = row + 1, order_row
        base = self.part.first_line + first - 1
        number = self.part.first_record + row
        self.faults += [replace(fault, record=number, line=(fault.line or 1) + base) for fault in record.faults]
        self.position = end
        return True

    def _fault(self, code: str, zh: str, en: str, position: int) -> None:
        self.faults.append(Fault(code, zh, en, line=self.part.line_at(position), offset=self.part.offset + position))

    def _undecodable(self) -> list[Fault]:
        """Faults of the bytes that the kernel could not decode."""
        found = []
        total = int(self.counts[3])
        for position, (scope, row, column) in zip(
            self.bad[:total].tolist(), self.bad_cells[:total].tolist(), strict=True
        ):
            visit = self.order_visit[row] if scope else row
            fault = undecodable(
                self.encoding,
                int(self.part.data[position]),
                (self.orders if scope else self.visits).ids[column],
                int(self.order_place[row]) if scope else None,
                self.part.line_at(position),
                self.part.offset + position,
            )
            found.append(replace(fault, record=self.part.first_record + int(visit)))
        if total > len(self.bad):
            more = total - len(self.bad)
            found.append(
                Fault("Y014", f"另有 {more:,} 個無法解碼的位元組。", f"{more:,} more bytes cannot be decoded.")
            )
        return found

    def _records(self) -> Records:
        part = self.part
        visit_count, order_count = int(self.counts[0]), int(self.counts[1])
        data, side = self.part.data, self.side[: int(self.counts[2])]
        records = pl.Series("record", np.arange(visit_count, dtype=np.uint32) + np.uint32(self.part.first_record))
        order_visit = self.order_visit[:order_count]
        visits = pl.DataFrame([records, *self.visits.series(visit_count, data, side)])
        orders = pl.DataFrame(
            [
                pl.Series("record", order_visit.astype(np.uint32) + np.uint32(self.part.first_record)),
                pl.Series("order", self.order_place[:order_count].astype(np.uint32)),
                pl.Series("visit", order_visit.astype(np.uint32)),
                *self.orders.series(order_count, data, side),
            ]
        )
        faults = [*self.faults, *self._undecodable()]
        faults.sort(key=lambda fault: (fault.record or 0, fault.line or 0))
        source = SourceMap(
            newlines=lambda: part.newlines,
            first_line=self.part.first_line,
            visit_rows=self.visits.rows[:visit_count],
            order_rows=self.orders.rows[:order_count],
            visit_cells=self.visits.cells[:, :visit_count],
            order_cells=self.orders.cells[:, :order_count],
            visit_ids=self.visits.ids,
            order_ids=self.orders.ids,
        )
        return Records(visits, orders, self.encoding, tuple(faults), (source,), self._alphabets())

    def _alphabets(self) -> dict[str, int]:
        """The kinds of characters of each column that the kernel alone has read."""
        return {
            field_id: int(self.alphabets[scope, place])
            for scope, columns in enumerate((self.visits, self.orders))
            for place, field_id in enumerate(columns.ids)
            if self.part.use_kernel and not columns.overlay.rows[place]
        }


@cache
def _kinds() -> NDArray[np.uint8]:
    from nhicard.formats.span_kernel import character_kinds

    return character_kinds()


_NO_TABLE: Final = np.zeros(1 << 16, dtype=np.uint16)
