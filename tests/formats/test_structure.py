"""Structure faults: what is wrong with the file itself, under which code, at which record and line."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from nhicard.formats import Batch, UnusableInput, read
from nhicard.formats.reader import Reader

HEAD = '<?xml version="1.0" encoding="Big5"?>\n<RECS>\n'
RECORD = (
    "<REC>\n<MSH><H00>1</H00><H01>A</H01></MSH>\n<MB>\n<MB1><M07>01</M07></MB1>\n"
    "<MB2><D02>1</D02></MB2>\n</MB>\n</REC>\n"
)
END = "</RECS>\n"


class Expected(NamedTuple):
    """A fault as (code, record, line); record None for the file's own."""

    code: str
    record: int | None
    line: int


def file(*records: str) -> str:
    return HEAD + "".join(records) + END


CASES: dict[str, tuple[str | bytes, list[Expected]]] = {
    "a flat file": (file(RECORD, RECORD), []),
    "attributes, comments, CDATA, references and a default namespace are harmless": (
        HEAD.replace("<RECS>", '<RECS xmlns="urn:x">')
        + RECORD.replace("<M07>01</M07>", '<!-- why --><M07 a="1">0&#49;</M07>').replace(
            "<D02>1<", "<D02><![CDATA[1]]><"
        )
        + END,
        [],
    ),
    "blank lines and tabs between records": (file("\n\t" + RECORD + "\r\n", RECORD), []),
    "unknown field": (file(RECORD.replace("<M07>", "<M99>x</M99><M07>")), [Expected("Y004", 1, 6)]),
    "field of the other edition": (file(RECORD.replace("<M07>", "<A23>01</A23><M07>")), [Expected("Y004", 1, 6)]),
    "element that is no field": (file(RECORD.replace("<M07>", "<NAME>x</NAME><M07>")), [Expected("Y004", 1, 6)]),
    "order field in MB1": (file(RECORD, RECORD.replace("<M07>", "<D06>x</D06><M07>")), [Expected("Y005", 2, 13)]),
    "MB2 outside MB": (file(RECORD.replace("</MB>\n", "</MB><MB2></MB2>\n")), [Expected("Y005", 1, 8)]),
    "no MSH": (file(RECORD.replace("<MSH><H00>1</H00><H01>A</H01></MSH>\n", "")), [Expected("Y002", 1, 3)]),
    "no MB": (file("<REC><MSH><H00>1</H00></MSH></REC>\n"), [Expected("Y005", 1, 3)]),
    "MB2 without MB1": (file(RECORD.replace("<MB1><M07>01</M07></MB1>\n", "")), [Expected("Y005", 1, 5)]),
    "two MB1": (file(RECORD.replace("</MB1>", "</MB1><MB1></MB1>")), [Expected("Y005", 1, 6)]),
    "field twice": (file(RECORD.replace("<M07>01</M07>", "<M07>01</M07><M07>02</M07>")), [Expected("Y003", 1, 6)]),
    "field within a field": (file(RECORD.replace(">01<", "><M12>1</M12><")), [Expected("Y005", 1, 6)]),
    "text between fields": (file(RECORD.replace("<M07>", "oops<M07>")), [Expected("Y003", 1, 6)]),
    "tags that cross": (file(RECORD, RECORD.replace("</M07></MB1>", "</MB1></M07>")), [Expected("Y003", 2, 13)]),
    "NUL byte": (file(RECORD.replace(">01<", ">0\0<")), [Expected("Y003", 1, 6)]),
    "entity that is not defined": (file(RECORD.replace(">01<", ">&lol;<")), [Expected("Y003", 1, 6)]),
    "record without its end, next record is read": (
        file(RECORD.replace("</REC>\n", ""), RECORD),
        [Expected("Y006", 1, 3)],
    ),
    "something else between records": (file(RECORD, "<FOO>1</FOO>\n", RECORD), [Expected("Y005", None, 10)]),
    "cut off in a record": ((HEAD + RECORD + RECORD[:60]), [Expected("Y006", 2, 10), Expected("Y007", None, 13)]),
    "cut off between records": (HEAD + RECORD, [Expected("Y007", None, 10)]),
    "second RECS": (file(RECORD) + "<RECS>\n" + RECORD + END, [Expected("Y015", None, 11)]),
    "content behind the end": (file(RECORD) + "trailing\n", [Expected("Y003", None, 11)]),
    "no record at all": (HEAD + END, [Expected("Y003", None, 4)]),
    "another root": ('<?xml version="1.0"?><html><REC/></html>', [Expected("Y003", None, 1)]),
    "document type declaration": (
        '<?xml version="1.0"?>\n<!DOCTYPE RECS [<!ENTITY a "aa"><!ENTITY b "&a;&a;">]>\n<RECS><REC>&b;</REC></RECS>',
        [Expected("Y003", None, 2)],
    ),
    "bytes that are not Big5": (
        file(RECORD.replace(">01<", ">0@<")).encode().replace(b"@", b"\xff"),
        [Expected("Y014", 1, 6)],
    ),
}


def as_bytes(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode("ascii")


@pytest.mark.parametrize("reader", ["kernel", "tree"])
@pytest.mark.parametrize("name", CASES)
def test_fault(name: str, reader: Reader) -> None:
    text, expected = CASES[name]
    batch = read(as_bytes(text), reader=reader)
    assert [Expected(fault.code, fault.record, fault.line or 0) for fault in batch.faults] == expected
    assert all(fault.zh and fault.en for fault in batch.faults)


@pytest.mark.parametrize("name", CASES)
def test_lines_may_end_as_on_windows(name: str) -> None:
    text, expected = CASES[name]
    batch = read(as_bytes(text).replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"), reader="kernel")
    assert [fault.code for fault in batch.faults] == [code for code, _, _ in expected]


def values(batch: Batch) -> list[str | None]:
    return [*batch.visits["M07"].to_list(), *batch.orders["D02"].to_list()]


def test_harmless_markup_does_not_change_values() -> None:
    text, _ = CASES["attributes, comments, CDATA, references and a default namespace are harmless"]
    assert values(read(as_bytes(text), reader="kernel")) == ["01", "1"]


def test_a_faulty_record_harms_no_other() -> None:
    broken = RECORD.replace("</M07></MB1>", "</MB1></M07>")
    batch = read(as_bytes(file(RECORD, broken, RECORD)), reader="kernel")
    assert batch.visits["record"].to_list() == [1, 2, 3]
    assert batch.visits["M07"].to_list()[::2] == ["01", "01"]


def test_undecodable_byte_is_named_with_its_place() -> None:
    data = file(RECORD, RECORD.replace("<D02>1<", "<D02>@<")).encode().replace(b"@", b"\x80")
    (fault,) = read(data, reader="kernel").faults
    assert (fault.record, fault.order, fault.field) == (2, 1, "D02")
    assert fault.offset == data.index(b"\x80")
    assert "0x80" in fault.en


@pytest.mark.parametrize(
    ("declared", "marked"), [("Big5", b""), ("UTF-8", b""), ("UTF-8", b"\xef\xbb\xbf")], ids=["big5", "utf-8", "bom"]
)
def test_utf8_is_read_and_told(declared: str, marked: bytes) -> None:
    text = file(RECORD.replace("</D02>", "</D02><D15>備註</D15>")).replace("Big5", declared)
    batch = read(marked + text.encode("utf-8"))
    assert batch.encoding == "utf-8"
    assert batch.orders["D15"].to_list() == ["備註"]
    (fault,) = batch.faults
    assert (fault.code, fault.record) == ("Y014", None)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b" \n", "empty"),
        (b"PK\x03\x04rest", "ZIP"),
        (file(RECORD).encode("utf-16"), "UTF-16"),
        (file(RECORD).encode("utf-16-le"), "UTF-16"),
        (b"%PDF-1.7", "PDF"),
        (b"hello", "not XML"),
        (bytes(range(256)), "not XML"),
    ],
)
def test_what_is_no_upload_file_is_refused_in_a_sentence(data: bytes, words: str) -> None:
    with pytest.raises(UnusableInput) as refusal:
        read(data)
    assert words in refusal.value.en
    assert refusal.value.zh


def test_a_value_of_ten_megabytes_is_a_fault() -> None:
    huge = file(RECORD.replace(">01<", ">" + "x" * (10 << 20) + "<"), RECORD)
    readers: tuple[Reader, ...] = ("kernel", "tree")
    for reader in readers:
        batch = read(huge.encode(), reader=reader)
        assert [(fault.code, fault.record) for fault in batch.faults] == [("Y003", 1)]
        assert batch.visits["M07"].to_list() == [None, "01"]


def test_a_record_without_end_does_not_grow_for_ever() -> None:
    endless = (HEAD + "<REC><MSH>" + "<H00>1</H00>" * (2 << 20)).encode()
    batch = read(endless, reader="kernel")
    assert "Y003" in {fault.code for fault in batch.faults}


def test_deep_nesting_is_a_fault_not_a_crash() -> None:
    deep = file("<REC>" + "<MB>" * 5000 + "</MB>" * 5000 + "</REC>\n", RECORD)
    batch = read(deep.encode(), reader="kernel")
    assert {fault.record for fault in batch.faults} == {1}
    assert batch.visits["M07"].to_list() == [None, "01"]


HOSTILE: dict[str, bytes] = {
    "blanks before another root": b"<?xml version='1.0'?>" + b" " * 60_000 + b"<html>",
    "comments before another root": b"<?xml version='1.0'?>" + b"<!-- a -->" * 5_000 + b"<html>",
    "comments that never end": b"<RECS>" + b"<!--" * 100_000,
    "instructions that never end": b"<RECS>" + b"<?" * 100_000,
    "opening brackets": b"<RECS>" + b"<" * 200_000,
    "records that never end": b"<RECS>" + b"<REC>" * 5_000,
    "start tags that never end": b"<RECS><REC>" + b"<REC " * 100_000,
    "ampersands": b"<RECS><REC><MSH><H00>" + b"&" * 300_000 + b"</H00></MSH></REC></RECS>",
    "attributes": b"<RECS><REC " + b"a='1' " * 100_000 + b"></REC></RECS>",
}


@pytest.mark.parametrize("reader", ["kernel", "tree"])
@pytest.mark.parametrize("name", HOSTILE)
def test_repetition_does_not_make_reading_hang(name: str, reader: Reader) -> None:
    """No time is asserted: a pattern that tried every way would not come back within a lifetime."""
    assert read(HOSTILE[name], reader=reader).faults
