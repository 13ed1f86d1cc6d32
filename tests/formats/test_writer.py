"""Writing: official order, escaping, and what an upload file cannot hold."""

from __future__ import annotations

import pytest

from nhicard.formats import build, read, write
from nhicard.formats.writer import UnwritableValue


def test_fields_stand_in_official_order_whatever_order_they_came_in() -> None:
    data = write(
        build("2.0", [({"M07": "01", "M01": "SAM000000001", "H01": "A", "H00": "1"}, [{"D06": "X", "D01": "Y"}])])
    )
    places = [data.index(tag) for tag in (b"<H00>", b"<H01>", b"<M01>", b"<M07>", b"<D01>", b"<D06>")]
    assert places == sorted(places)


def test_it_says_big5_and_is_big5() -> None:
    data = write(build("1.0", [({"A00": "1"}, [{"A81": "盤尼西林碁"}])]))
    assert data.startswith(b'<?xml version="1.0" encoding="Big5"?>')
    assert b"\xbd\x4c\xa5\xa7\xa6\xe8\xaa\x4c\xf9\xd6" in data


def test_a_field_not_sent_is_left_out_and_an_empty_one_stays_empty() -> None:
    data = write(build("2.0", [({"H00": "1", "M13": ""}, [])]))
    assert b"<M13></M13>" in data
    assert b"<M14>" not in data


@pytest.mark.parametrize("value", ["a & b", "<x>", "]]>", "'\"", "one\ntwo", "one\r\ntwo", "  blanks  ", "\t"])
def test_markup_and_white_space_survive(value: str) -> None:
    batch = build("2.0", [({"H00": "1"}, [{"D15": value}])])
    for reader in ("kernel", "tree"):
        assert read(write(batch), reader=reader).orders["D15"].to_list() == [value]


@pytest.mark.parametrize(
    ("character", "name"),
    [
        ("😀", "GRINNING FACE"),
        ("𠮷", "CJK UNIFIED IDEOGRAPH-20BB7"),
        ("é", "LATIN SMALL LETTER E WITH ACUTE"),
        ("\0", "control"),
    ],
)
def test_what_cannot_be_held_is_named_and_nothing_is_substituted(character: str, name: str) -> None:
    good = ({"H00": "1"}, [{"D15": "fine"}])
    batch = build("2.0", [good, ({"H00": "1"}, [{"D15": "fine"}, {"D15": f"name {character}"}])])
    with pytest.raises(UnwritableValue) as told:
        write(batch)
    error = told.value
    assert (error.record, error.order, error.field, error.character) == (2, 2, "D15", character)
    assert name in error.character_name
    assert f"U+{ord(character):04X}" in error.en
    assert "第 2 筆" in error.zh
