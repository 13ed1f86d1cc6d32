"""One pass over the raw bytes that finds every field of flat records, compiled by Numba.

Big5 trail bytes never equal ``<``, ``>`` or ``&``, so tags are found before anything is decoded. The kernel
writes Arrow string views: 16 bytes a value, either the value itself (12 bytes or less) or its place in the
slice's bytes (buffer 0) or in the side buffer (buffer 1), which holds what had to be decoded. It stops at
the start of the first record that is not of the flat grammar and leaves that record to the tree reader.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final

import numba
import numpy as np
from numpy.typing import NDArray

from nhicard.formats.grammar import Grammar

DONE: Final = 0  # everything up to the end was read
IRREGULAR: Final = 1  # the record at the returned position is for the tree reader
INCOMPLETE: Final = 2  # the record at the returned position goes on behind the slice
FULL: Final = 3  # no row left for the record at the returned position

BIG5: Final = 0
UTF8: Final = 1

# Kinds of characters, as bits.
DIGIT: Final = 1
UPPER: Final = 2
LOWER: Final = 4
OTHER: Final = 8  # any other of ASCII
WIDE: Final = 16  # beyond ASCII
CHARACTERS: Final = 31
BLANK: Final = 32  # of a column: some value may be blank
DECODED: Final = 64  # the value cannot stand as it is
REFUSED: Final = 128  # not of the flat grammar

_LT, _GT, _SLASH, _AMP = 0x3C, 0x3E, 0x2F, 0x26
_ORDER: Final = 2  # what grammar.ORDER is
_DONE: Final = -2  # what grammar.DONE is
_LONGEST_TAG: Final = 7  # a structural tag is packed into one number; -1 is none
_NUMBERS: Final = 1000  # a field id is a letter and a number of at most three digits

_njit = numba.njit(cache=True, nogil=True, boundscheck=False)


def character_kinds() -> NDArray[np.uint8]:
    """The kernel's table of kinds, by byte."""
    kinds = np.full(256, OTHER, dtype=np.uint8)
    kinds[:32] = OTHER | REFUSED
    kinds[[9, 10]] = OTHER
    kinds[13] = OTHER | DECODED
    kinds[ord("&")] = OTHER | DECODED
    kinds[ord(">")] = OTHER | REFUSED
    kinds[ord("0") : ord("9") + 1] = DIGIT
    kinds[ord("A") : ord("Z") + 1] = UPPER
    kinds[ord("a") : ord("z") + 1] = LOWER
    kinds[128:] = WIDE | DECODED
    return kinds


@dataclass(frozen=True, slots=True)
class Tables:
    """A grammar as the kernel reads it.

    A field is found by its letter (``letters``: where its numbers begin, -1 for no field) and its number in
    ``slots`` (column, or -1), ``segments`` and ``digits`` (how many the number is written with). A state takes the
    fields of one segment (``takes``) and goes on with a tag (``tags``, packed) to a state (``leads``).
    """

    letters: NDArray[np.int32]
    slots: NDArray[np.int16]
    segments: NDArray[np.int8]
    digits: NDArray[np.int8]
    takes: NDArray[np.int8]
    tags: NDArray[np.int64]
    leads: NDArray[np.int8]


@cache
def tables(grammar: Grammar) -> Tables:
    """The kernel's tables of a grammar, made once."""
    columns = {name: place for scope in ("visit", "order") for place, name in enumerate(grammar.columns(scope))}
    letters = np.full(256, -1, dtype=np.int32)
    for place, letter in enumerate(dict.fromkeys(name[0] for name in columns)):
        letters[ord(letter)] = place * _NUMBERS
    size = _NUMBERS * len({name[0] for name in columns})
    slots = np.full(size, -1, dtype=np.int16)
    segments = np.zeros(size, dtype=np.int8)
    digits = np.zeros(size, dtype=np.int8)
    for name, column in columns.items():
        key = letters[ord(name[0])] + int(name[1:])
        slots[key], segments[key], digits[key] = column, grammar.segment_number(name), len(name) - 1
    states = grammar.states()
    most = max(len(found) for _, found in states)
    tags = np.full((len(states), most), -1, dtype=np.int64)
    leads = np.zeros((len(states), most), dtype=np.int8)
    for state, (_, found) in enumerate(states):
        for place, (tag, target) in enumerate(found.items()):
            assert len(tag) <= _LONGEST_TAG
            tags[state, place] = int.from_bytes(tag.encode("ascii"), "big")
            leads[state, place] = target
    return Tables(letters, slots, segments, digits, np.array([t for t, _ in states], dtype=np.int8), tags, leads)


@_njit
def _skip_space(buf, p):  # type: ignore[no-untyped-def]
    c = buf[p]
    while c == 32 or c == 10 or c == 13 or c == 9:
        p += 1
        c = buf[p]
    return p


@_njit
def _put_utf8(side, at, code):  # type: ignore[no-untyped-def]
    if code < 0x80:
        side[at] = code
        return at + 1
    if code < 0x800:
        side[at] = 0xC0 | (code >> 6)
        side[at + 1] = 0x80 | (code & 0x3F)
        return at + 2
    side[at] = 0xE0 | (code >> 12)
    side[at + 1] = 0x80 | ((code >> 6) & 0x3F)
    side[at + 2] = 0x80 | (code & 0x3F)
    return at + 3


@_njit
def _utf8_length(buf, p, end):  # type: ignore[no-untyped-def]
    """Bytes of the valid UTF-8 sequence at p, 0 where there is none."""
    c = buf[p]
    if c < 0x80:
        return 1
    if c < 0xC2:
        return 0
    if c < 0xE0:
        return 2 if p + 1 < end and (buf[p + 1] & 0xC0) == 0x80 else 0
    if c < 0xF0:
        if p + 2 >= end or (buf[p + 1] & 0xC0) != 0x80 or (buf[p + 2] & 0xC0) != 0x80:
            return 0
        if c == 0xE0 and buf[p + 1] < 0xA0:
            return 0
        if c == 0xED and buf[p + 1] >= 0xA0:
            return 0
        return 3
    if c < 0xF5:
        if p + 3 >= end or (buf[p + 1] & 0xC0) != 0x80 or (buf[p + 2] & 0xC0) != 0x80 or (buf[p + 3] & 0xC0) != 0x80:
            return 0
        if c == 0xF0 and buf[p + 1] < 0x90:
            return 0
        if c == 0xF4 and buf[p + 1] >= 0x90:
            return 0
        return 4
    return 0


@_njit
def _entity(buf, p):  # type: ignore[no-untyped-def]
    """Length and character of the predefined entity at p, length 0 where there is none."""
    if buf[p + 1] == 97:
        if buf[p + 2] == 109 and buf[p + 3] == 112 and buf[p + 4] == 59:  # &amp;
            return 5, 38
        if buf[p + 2] == 112 and buf[p + 3] == 111 and buf[p + 4] == 115 and buf[p + 5] == 59:  # &apos;
            return 6, 39
    elif buf[p + 1] == 108:
        if buf[p + 2] == 116 and buf[p + 3] == 59:  # &lt;
            return 4, 60
    elif buf[p + 1] == 103:
        if buf[p + 2] == 116 and buf[p + 3] == 59:  # &gt;
            return 4, 62
    elif buf[p + 1] == 113 and buf[p + 2] == 117 and buf[p + 3] == 111 and buf[p + 4] == 116 and buf[p + 5] == 59:
        return 6, 34  # &quot;
    return 0, 0


@_njit
def decode_value(buf, start, end, mode, table, side, at, bad, bad_count):  # type: ignore[no-untyped-def]
    """Decode bytes [start, end) into ``side`` at ``at``: returns (next place, next count of bad bytes).

    An undecodable byte becomes one U+FFFD and its position goes into ``bad`` (as far as there is room).
    A line break sent as CR or CR LF becomes LF, as XML says, and XML's own five entities become what they
    stand for; for any other the place returned is -1.
    """
    p = start
    while p < end:
        c = buf[p]
        if c < 0x80:
            if c == _AMP:
                length, char = _entity(buf, p)
                if length == 0:
                    return -1, bad_count
                side[at] = char
                at += 1
                p += length
                continue
            if c == 13:
                side[at] = 10
                at += 1
                p += 2 if p + 1 < end and buf[p + 1] == 10 else 1
                continue
            side[at] = c
            at += 1
            p += 1
            continue
        if mode == BIG5:
            if p + 1 < end:
                code = table[(np.int64(c) << 8) | np.int64(buf[p + 1])]
                if code != 0:
                    at = _put_utf8(side, at, np.int64(code))
                    p += 2
                    continue
        else:
            length = _utf8_length(buf, p, end)
            if length > 0:
                for k in range(length):
                    side[at + k] = buf[p + k]
                at += length
                p += length
                continue
        if bad_count < len(bad):
            bad[bad_count] = p
        bad_count += 1
        at = _put_utf8(side, at, 0xFFFD)
        p += 1
    return at, bad_count


@_njit
def _write_view(view, data, start, length, buffer_index):  # type: ignore[no-untyped-def]
    view[0] = length & 0xFF
    view[1] = (length >> 8) & 0xFF
    view[2] = (length >> 16) & 0xFF
    view[3] = (length >> 24) & 0xFF
    if length <= 12:
        for k in range(length):
            view[4 + k] = data[start + k]
        for k in range(length, 12):
            view[4 + k] = 0
        return
    for k in range(4):
        view[4 + k] = data[start + k]
    view[8] = buffer_index
    view[9] = 0
    view[10] = 0
    view[11] = 0
    view[12] = start & 0xFF
    view[13] = (start >> 8) & 0xFF
    view[14] = (start >> 16) & 0xFF
    view[15] = (start >> 24) & 0xFF


@_njit
def _forget(visit_cells, order_cells, visit, first_order, last_order):  # type: ignore[no-untyped-def]
    """Take back what a record that is not committed has put down."""
    visit_cells[:, visit] = 0
    for row in range(first_order, min(last_order + 1, order_cells.shape[1])):
        order_cells[:, row] = 0


@_njit
def _settle(counts, visits, orders, side, bad):  # type: ignore[no-untyped-def]
    counts[0] = visits
    counts[1] = orders
    counts[2] = side
    counts[3] = bad


@_njit
def read_records(  # type: ignore[no-untyped-def]  # noqa: PLR0912, PLR0915
    buf,  # uint8: the slice's bytes, then NUL bytes with one `<` among them
    start,
    end,
    letters,  # the grammar's tables, see Tables
    slots,
    segments,
    digits,
    takes,
    tags,
    leads,
    mode,
    max_value,
    table,  # uint16: Big5 pairs to code points
    visit_views,  # uint8 (visit fields, rows, 16)
    visit_cells,  # int32 (visit fields, rows): position of the value + 1
    visit_rows,  # int32: position of the record's tag + 1
    order_views,
    order_cells,
    order_rows,
    order_visit,  # int32: row of the visit
    order_place,  # int32: from 1 within the visit
    side,
    bad,  # int64: positions of undecodable bytes
    bad_cells,  # int32 (n, 3): scope, row, column of each
    kinds,  # uint8 by byte: what kind of character it is
    alphabets,  # uint8 (2, columns): kinds that occur in a visit's or an order's column, and BLANK
    counts,  # int64: visits, orders, side bytes, bad bytes
):
    """Read records from ``start`` on; returns (position, status) and updates ``counts``.

    A record is committed only when its end tag was seen: up to then nothing that counts has changed.
    """
    visits = counts[0]
    orders = counts[1]
    at = counts[2]
    bad_count = counts[3]
    visit_capacity = visit_rows.shape[0]
    order_capacity = order_rows.shape[0]
    most_tags = tags.shape[1]

    p = _skip_space(buf, start)
    while p < end:
        record_start = p
        side_mark = at
        bad_mark = bad_count
        orders_mark = orders
        irregular = False
        if visits >= visit_capacity:
            _settle(counts, visits, orders, at, bad_count)
            return record_start, FULL
        state = 0
        taken = -1  # the segment whose fields the state takes
        place = 0
        while True:
            p = _skip_space(buf, p)
            if buf[p] != _LT:
                irregular = True
                break
            c1 = buf[p + 1]
            base = letters[c1]
            q = p + 2
            c = buf[q]
            if base >= 0 and 48 <= c <= 57:
                # a field
                key = base + np.int64(c) - 48
                q += 1
                c = buf[q]
                if 48 <= c <= 57:
                    key = base + (key - base) * 10 + np.int64(c) - 48
                    q += 1
                    c = buf[q]
                    if 48 <= c <= 57:
                        key = base + (key - base) * 10 + np.int64(c) - 48
                        q += 1
                        c = buf[q]
                column = slots[key]
                width = q - p - 2
                if column < 0 or segments[key] != taken or digits[key] != width:
                    irregular = True
                    break
                ordered = taken == _ORDER
                if ordered:
                    if order_cells[column, orders] > 0:
                        irregular = True  # the field stands twice
                        break
                elif visit_cells[column, visits] > 0:
                    irregular = True
                    break
                if c == _GT:
                    value_start = q + 1
                    q = value_start
                    seen = 0
                    c = buf[q]
                    while c != _LT:  # the padding holds one
                        seen |= kinds[c]
                        q += 1
                        c = buf[q]
                    if seen & REFUSED or q >= end:
                        irregular = True
                        p = q if q >= end else p  # the value goes on behind the slice
                        break
                    value_end = q
                    same = buf[q + 1] == _SLASH and buf[q + 2] == c1 and buf[q + 3 + width] == _GT
                    for k in range(width):
                        same &= buf[q + 3 + k] == buf[p + 2 + k]
                    if not same:
                        irregular = True
                        break
                    p = q + 4 + width
                elif c == _SLASH and buf[q + 1] == _GT:  # <A12/>
                    value_start = q + 2
                    value_end = value_start
                    p = value_start
                    seen = 0
                else:
                    irregular = True
                    break
                length = value_end - value_start
                if length > max_value:
                    irregular = True
                    break
                scope = 1 if ordered else 0
                alphabets[scope, column] |= seen & CHARACTERS
                if length == 0 or buf[value_start] <= 32 or buf[value_start] >= 0x80:
                    alphabets[scope, column] |= BLANK
                row = orders if ordered else visits
                if ordered:
                    view = order_views[column, row]
                    order_cells[column, row] = value_start + 1
                else:
                    view = visit_views[column, row]
                    visit_cells[column, row] = value_start + 1
                if seen & DECODED == 0:
                    _write_view(view, buf, value_start, length, 0)
                else:
                    bad_before = bad_count
                    begin = at
                    at, bad_count = decode_value(buf, value_start, value_end, mode, table, side, at, bad, bad_count)
                    if at < 0:
                        at = begin
                        irregular = True
                        break
                    for k in range(bad_before, min(bad_count, len(bad))):
                        bad_cells[k, 0] = scope
                        bad_cells[k, 1] = row
                        bad_cells[k, 2] = column
                    _write_view(view, side, begin, at - begin, 1)
                continue
            # a structural tag
            tag = np.int64(c1)
            while c != _GT and q - p <= _LONGEST_TAG:
                tag = (tag << 8) | np.int64(c)
                q += 1
                c = buf[q]
            target = -1
            if c == _GT:
                for k in range(most_tags):
                    if tags[state, k] == tag:
                        target = leads[state, k]
                        break
            if target == _DONE:
                p = q + 1
                break
            if target < 0:
                irregular = True
                break
            if taken == _ORDER:
                orders += 1
            taken = takes[target]
            if taken == _ORDER:
                if orders >= order_capacity:
                    _forget(visit_cells, order_cells, visits, orders_mark, orders)
                    _settle(counts, visits, orders_mark, side_mark, bad_mark)
                    return record_start, FULL
                place += 1
                order_rows[orders] = p + 1
                order_visit[orders] = visits
                order_place[orders] = place
            state = target
            p = q + 1
        if irregular or p > end:
            # Undo: the tree reader, or the next slice, starts this record afresh.
            _forget(visit_cells, order_cells, visits, orders_mark, orders)
            _settle(counts, visits, orders_mark, side_mark, bad_mark)
            return record_start, INCOMPLETE if p + 16 >= end else IRREGULAR
        visit_rows[visits] = record_start + 1
        visits += 1
        p = _skip_space(buf, p)
    _settle(counts, visits, orders, at, bad_count)
    return p, DONE
