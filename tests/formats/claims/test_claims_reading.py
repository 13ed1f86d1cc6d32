"""Reading and writing claim files: faults by code, case and line; both readers agree; what was written is read back."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.properties.strategies import mutated, writable

from nhicard.formats import UnusableInput
from nhicard.formats.claims import KINDS, Claims, build, read, table, write
from nhicard.formats.claims.tables import Level
from nhicard.formats.reader import Reader
from nhicard.formats.writer import UnwritableValue

READERS: tuple[Reader, ...] = ("kernel", "tree")
HEAD = '<?xml version="1.0" encoding="Big5"?>\n<outpatient>\n<tdata><t1>10</t1>\n<t2>3501200000</t2></tdata>\n'
CASE = (
    "<ddata>\n<dhead><d1>01</d1><d2>1</d2></dhead>\n<dbody><d3>A123456789</d3>\n"
    "<pdata><p3>1</p3></pdata>\n<pdata><p3>2</p3></pdata></dbody>\n</ddata>\n"
)
END = "</outpatient>\n"


class Expected(NamedTuple):
    """A fault as (code, case, line); case None for the file's own."""

    code: str
    case: int | None
    line: int


def file(*cases: str) -> str:
    return HEAD + "".join(cases) + END


FAULTS: dict[str, tuple[str, list[Expected]]] = {
    "a flat file": (file(CASE, CASE), []),
    "attributes, comments, CDATA and references are harmless": (
        file(CASE.replace("<d3>A", '<!-- why --><d3 a="1">&#65;').replace("<p3>1<", "<p3><![CDATA[1]]><")),
        [],
    ),
    "fields behind an order": (file(CASE.replace("</dbody>", "<d49>x</d49></dbody>")), []),
    "an element without content": (file(CASE.replace("<d3>A123456789</d3>", "<d3/>")), []),
    "no tdata": (file(CASE).replace("tdata>", "cdata>"), [Expected("CLM-002", None, 2), Expected("CLM-005", None, 3)]),
    "a second tdata": (file(CASE, "<tdata></tdata>\n"), [Expected("CLM-005", None, 11)]),
    "an unknown t element": (file(CASE).replace("<t2>", "<t99>x</t99><t2>"), [Expected("CLM-004", None, 4)]),
    "a t element twice": (file(CASE).replace("<t2>", "<t1>x</t1><t2>"), [Expected("CLM-003", None, 4)]),
    "an unknown d element": (file(CASE, CASE.replace("<d3>", "<d99>x</d99><d3>")), [Expected("CLM-004", 2, 13)]),
    "a number written with a zero in front": (file(CASE.replace("d3>", "d03>")), [Expected("CLM-004", 1, 7)]),
    "a d element in capitals": (file(CASE.replace("d3>", "D3>")), [Expected("CLM-004", 1, 7)]),
    "a d element in the wrong part": (
        file(CASE.replace("<d3>A123456789</d3>", "").replace("</dhead>", "<d3>x</d3></dhead>")),
        [Expected("CLM-005", 1, 6)],
    ),
    "a p element among the d elements": (file(CASE.replace("<d3>", "<p4>x</p4><d3>")), [Expected("CLM-005", 1, 7)]),
    "no dhead": (file(CASE.replace("<dhead><d1>01</d1><d2>1</d2></dhead>", "")), [Expected("CLM-002", 1, 5)]),
    "no dbody": (file("<ddata><dhead><d1>01</d1></dhead></ddata>\n"), [Expected("CLM-005", 1, 5)]),
    "pdata outside dbody": (
        file(CASE.replace("</dbody>", "</dbody><pdata><p3>1</p3></pdata>")),
        [Expected("CLM-005", 1, 9)],
    ),
    "an element twice": (file(CASE.replace("<d3>", "<d3>x</d3><d3>")), [Expected("CLM-003", 1, 7)]),
    "tags that cross": (
        file(CASE.replace("</p3></pdata></dbody>", "</pdata></p3></dbody>")),
        [Expected("CLM-003", 1, 9)],
    ),
    "text between elements": (file(CASE.replace("<d3>", "oops<d3>")), [Expected("CLM-003", 1, 7)]),
    "a case without its end, the next is read": (
        file(CASE.replace("</ddata>\n", ""), CASE),
        [Expected("CLM-006", 1, 5)],
    ),
    "cut off": (HEAD + CASE, [Expected("CLM-007", None, 11)]),
    "a second root": (file(CASE) + "<outpatient>", [Expected("CLM-015", None, 12)]),
    "no case": (HEAD + END, [Expected("CLM-003", None, 6)]),
    "an upload file": ("<RECS><REC></REC></RECS>", [Expected("CLM-003", None, 1)]),
    "a document type": ("<!DOCTYPE x [<!ENTITY a 'b'>]>\n" + file(CASE), [Expected("CLM-003", None, 1)]),
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("name", FAULTS)
def test_fault(name: str, reader: Reader) -> None:
    text, expected = FAULTS[name]
    claims = read(text.encode(), reader=reader)
    assert [Expected(fault.code, fault.record, fault.line or 0) for fault in claims.faults] == expected
    assert all(fault.zh and fault.en for fault in claims.faults)


@pytest.mark.parametrize("kind", KINDS)
def test_the_root_tells_the_kind(kind: str) -> None:
    claims = read(file(CASE).replace("outpatient", kind).encode())
    assert claims.kind == kind
    assert claims.totals["t1"].to_list() == ["10"]


@pytest.mark.parametrize("reader", READERS)
def test_a_pharmacys_elements_may_stand_in_either_part(reader: Reader) -> None:
    moved = file(CASE.replace("</dhead>", "<d30>3</d30></dhead>")).replace("outpatient", "pharmacy")
    claims = read(moved.replace("<p3>", "<p1>").replace("</p3>", "</p1>").encode(), reader=reader)
    assert not claims.faults
    assert claims.cases.select("d1", "d3", "d30").rows() == [("01", "A123456789", "3")]


@pytest.mark.parametrize("reader", READERS)
def test_every_value_has_its_line(reader: Reader) -> None:
    claims = read(file(CASE, CASE).encode(), reader=reader)
    places: dict[tuple[Level, str], list[int]] = {
        ("t", "t2"): [4],
        ("d", "d3"): [7, 13],
        ("d", "d49"): [5, 11],
        ("p", "p3"): [8, 9, 14, 15],
    }
    heights = {"t": 1, "d": 2, "p": 4}
    assert {key: claims.lines(key[0], np.arange(heights[key[0]]), key[1]).tolist() for key in places} == places


REFUSED = {"nothing": b"", "a ZIP archive": b"PK\x03\x04", "no XML": b"d1,d2\n"}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_file_of_this_kind_is_refused(name: str) -> None:
    with pytest.raises(UnusableInput) as refusal:
        read(REFUSED[name])
    assert refusal.value.zh
    assert refusal.value.en


HOSTILE: dict[str, bytes] = {
    "comments that never end": b"<outpatient>" + b"<!--" * 100_000,
    "comments before tdata": b"<outpatient>" + b"<!-- -->" * 100_000,
    "tdata that never ends": b"<outpatient>" + b"<tdata>" * 100_000,
    "cases that never end": b"<outpatient><tdata></tdata>" + b"<ddata>" * 5_000,
    "opening brackets": b"<pharmacy>" + b"<" * 200_000,
    "deep nesting": b"<inpatient><tdata/>" + b"<ddata>" + b"<dbody>" * 5_000,
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("name", HOSTILE)
def test_repetition_does_not_make_reading_hang(name: str, reader: Reader) -> None:
    """No time is asserted: a pattern that tried every way would not come back within a lifetime."""
    assert read(HOSTILE[name], reader=reader).faults


def test_a_character_that_big5_lacks_is_named() -> None:
    claims = build("outpatient", {"t1": "10"}, [({"d1": "01"}, []), ({"d49": "𠮷"}, [])])
    with pytest.raises(UnwritableValue) as error:
        write(claims)
    assert (error.value.record, error.value.order, error.value.field) == (2, None, "d49")


def test_an_element_of_another_kind_is_refused() -> None:
    with pytest.raises(KeyError, match="outpatient claims have no element d113"):
        build("outpatient", {}, [({"d113": "x"}, [])])


# ---- properties ----


@st.composite
def claims_of_any_kind(draw: st.DrawFn) -> Claims:
    """A claim of one to four cases with any elements and any writable values."""
    kind = draw(st.sampled_from(KINDS))
    known = table(kind)

    def some(level: Level, most: int) -> st.SearchStrategy[dict[str, str]]:
        return st.dictionaries(st.sampled_from(known.ids(level)), writable, max_size=most)

    cases = draw(st.lists(st.tuples(some("d", 10), st.lists(some("p", 5), max_size=4)), min_size=1, max_size=4))
    return build(kind, draw(some("t", 6)), cases)


def all_of(claims: Claims) -> list[object]:
    frames: list[tuple[Level, pl.DataFrame]] = [("t", claims.totals), ("d", claims.cases), ("p", claims.orders)]
    lines = [claims.lines(level, np.arange(f.height), name).tolist() for level, f in frames for name in f.columns]
    values = [(frame.schema, frame.rows()) for _, frame in frames]
    return [claims.kind, claims.encoding, values, lines, sorted(map(repr, claims.faults))]


def read_or_refuse(data: bytes, reader: Reader, slice_bytes: int = 1 << 16) -> list[object]:
    try:
        return all_of(read(data, reader=reader, slice_bytes=slice_bytes))
    except UnusableInput as refusal:
        return [refusal.en]


@given(claims_of_any_kind())
def test_what_was_written_is_read_back(claims: Claims) -> None:
    for reader in READERS:
        again = read(write(claims), reader=reader)
        assert not again.faults
        assert again.kind == claims.kind
        assert again.totals.equals(claims.totals)
        assert again.cases.equals(claims.cases)
        assert again.orders.equals(claims.orders)


@given(claims_of_any_kind(), st.data())
def test_both_readers_give_equal_claims(claims: Claims, data: st.DataObject) -> None:
    changed = data.draw(mutated(write(claims)))
    assert read_or_refuse(changed, "kernel") == read_or_refuse(changed, "tree")


PIECES = [b"<pdata>", b"</pdata>", b"<dbody>", b"</ddata>", b"<d3>", b"</d3>", b"<d1/>", b"<tdata>", b"<p>", b"<d1234>"]


@given(claims_of_any_kind(), st.data())
def test_own_tags_in_wrong_places_change_nothing_of_that(claims: Claims, data: st.DataObject) -> None:
    written = write(claims)
    for piece in data.draw(st.lists(st.sampled_from(PIECES), min_size=1, max_size=3)):
        at = data.draw(st.integers(0, len(written)))
        written = written[:at] + piece + written[at:]
    assert read_or_refuse(written, "kernel") == read_or_refuse(written, "tree")


@given(claims_of_any_kind(), st.data())
def test_slices_do_not_change_what_is_read(claims: Claims, data: st.DataObject) -> None:
    changed = data.draw(mutated(write(claims)))
    size = data.draw(st.integers(200, 2000))
    assert read_or_refuse(changed, "kernel", size) == read_or_refuse(changed, "kernel")
