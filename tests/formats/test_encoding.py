"""Big5 as Taiwan writes it: which bytes are which character, and nothing lost or substituted either way."""

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nhicard.formats import encoding

TRAILS = [*range(0x40, 0x7F), *range(0xA1, 0xFF)]
ALL_CODES = [lead << 8 | trail for lead in range(0x81, 0xFF) for trail in TRAILS]
UNASSIGNED = [code for code in range(0xA3C0, 0xA3FF) if code != 0xA3E1]

# Facts of Microsoft's code page 950 and of ETEN's extension, as hexadecimal bytes.
CHARACTERS = {
    "A140": "\u3000",
    "A4A4": "中",
    "A4E5": "文",
    "C67E": "籲",
    "C940": "乂",
    "A3E1": "€",
    "A145": "‧",
    "A246": "￠",
    # what plain Big5 lacks and names need
    "F9D6": "碁",
    "F9D7": "銹",
    "F9D8": "裏",
    "F9D9": "墻",
    "F9DA": "恒",
    "F9DB": "粧",
    "F9DC": "嫺",
    "F9FE": "▓",
    # ETEN
    "C6A1": "①",
    "C6AA": "⑩",
    "C6AB": "⑴",
    "C6B5": "ⅰ",
    "C6BF": "丶",
    "C6CD": "幺",
    "C6E0": "々",
    "C6E2": "〇",
    "C6E7": "ぁ",
    "C6E8": "あ",
    "C755": "の",
    "C77A": "ん",
    "C77B": "ァ",
    "C7B5": "ス",
    "C7EF": "ン",
    "C7F2": "ヶ",
    "C7F3": "А",
    "C875": "я",
    # first and last of each user-defined area
    "FA40": "\ue000",
    "FEFE": "\ue310",
    "8E40": "\ue311",
    "A0FE": "\ueeb7",
    "8140": "\ueeb8",
    "8DFE": "\uf6b0",
    "C876": "\uf7e2",
    "C8FE": "\uf848",
}
# Characters with two codes: what is read from either, and what is written.
READ_TWICE = {
    "十": ("A451", "A2CC"),
    "卅": ("A4CA", "A2CE"),
    "═": ("A2A4", "F9F9"),
    "╯": ("A2A3", "F9FD"),
    "仝": ("C969", "C6DF"),
    "〃": ("A1B2", "C6DE"),
}
NOT_BIG5 = {
    "😀": "GRINNING FACE",
    "𠮷": "CJK UNIFIED IDEOGRAPH-20BB7",
    "们": "CJK UNIFIED IDEOGRAPH-4EEC",
    "é": "LATIN SMALL LETTER E WITH ACUTE",
    "\u00a0": "NO-BREAK SPACE",
    # Python's cp950 writes look-alikes for these without a word
    "¢": "CENT SIGN",
    "•": "BULLET",
    "∼": "TILDE OPERATOR",
    "､": "HALFWIDTH IDEOGRAPHIC COMMA",
    "\ufffd": "REPLACEMENT CHARACTER",
    "\uffff": "U+FFFF",
    chr(0xD800): "U+D800",
    "\uf6b1": "U+F6B1",  # its user-defined code C6A1 is read as ETEN's ①
}

encodable = st.sampled_from([chr(point) for point in encoding.decode_table()[ALL_CODES].tolist() if point])
big5_text = st.lists(encodable | st.characters(max_codepoint=0x7F)).map("".join)
troubled_bytes = st.lists(
    st.sampled_from([b"<", b">", b"A", b"\x80", b"\xff", b"\xa3\xc0", b"\xa4", b"\xa4\xa4", b"\xfa\x40", b"\xc6\xe8"])
    | st.binary(max_size=3)
).map(b"".join)


@pytest.mark.parametrize(("code", "character"), CHARACTERS.items())
def test_a_code_is_its_character_both_ways(code: str, character: str) -> None:
    assert encoding.decode(bytes.fromhex(code)) == character
    assert encoding.encode(character) == bytes.fromhex(code)


@pytest.mark.parametrize(("character", "codes"), READ_TWICE.items())
def test_of_two_codes_the_usual_one_is_written(character: str, codes: tuple[str, str]) -> None:
    usual, other = map(bytes.fromhex, codes)
    assert encoding.decode(usual) == encoding.decode(other) == character
    assert encoding.encode(character) == usual


def test_the_table_holds_two_byte_codes_only_and_no_markup() -> None:
    table = encoding.decode_table()
    assert table.shape == (65536,)
    assert table.dtype == np.dtype(np.uint16)
    assert np.flatnonzero(table).tolist() == sorted(set(ALL_CODES) - set(UNASSIGNED))
    assert not set(TRAILS) & set(b"<>&\"'\r\n\t ")
    assert not ((table >= 0xD800) & (table < 0xE000)).any()
    assert not (table == ord(encoding.REPLACEMENT)).any()


def test_the_table_cannot_be_changed_by_its_users() -> None:
    with pytest.raises(ValueError, match="read-only"):
        encoding.decode_table()[0xA4A4] = 0


@pytest.mark.parametrize("lead", range(0x80, 0x100))
def test_every_two_byte_code_is_read_by_the_table_and_survives(lead: int) -> None:
    table = encoding.decode_table()
    for trail in range(0x100):
        code = lead << 8 | trail
        text, offsets = encoding.decode_marking(bytes((lead, trail)))
        if table[code]:
            assert (text, offsets) == (chr(table[code]), [])
            assert encoding.decode(encoding.encode(text)) == text
        else:
            assert text[0] == encoding.REPLACEMENT
            assert offsets == ([0] if trail < 0x80 else [0, 1])


def test_all_codes_in_one_text_survive() -> None:
    text = "".join(chr(point) for point in encoding.decode_table()[ALL_CODES].tolist() if point)
    assert len(text) == len(ALL_CODES) - len(UNASSIGNED)
    assert encoding.decode(encoding.encode(text)) == text
    assert encoding.unencodable(text) == []


@given(big5_text)
def test_what_is_written_is_read_again(text: str) -> None:
    data = encoding.encode(text)
    assert encoding.decode(data) == text
    assert encoding.decode_marking(data) == (text, [])
    assert len(data) == sum(1 if character.isascii() else 2 for character in text)


@given(st.text() | st.lists(encodable | st.sampled_from([*NOT_BIG5])).map("".join))
def test_any_text_is_written_faithfully_or_refused(text: str) -> None:
    table = {chr(point) for point in encoding.decode_table()[ALL_CODES].tolist() if point}
    lacking = [(at, character) for at, character in enumerate(text) if character not in table and character > "\x7f"]
    assert encoding.unencodable(text) == lacking
    if lacking:
        with pytest.raises(encoding.UnencodableCharacter) as refused:
            encoding.encode(text)
        assert (refused.value.position, refused.value.character) == lacking[0]
    else:
        assert encoding.decode(encoding.encode(text)) == text


@pytest.mark.parametrize(("character", "name"), NOT_BIG5.items())
def test_a_character_that_big5_lacks_is_named(character: str, name: str) -> None:
    with pytest.raises(encoding.UnencodableCharacter) as refused:
        encoding.encode(f"診所{character}")
    assert (refused.value.character, refused.value.name, refused.value.position) == (character, name, 2)
    assert name in str(refused.value)
    assert encoding.unencodable(f"{character}診{character}") == [(0, character), (2, character)]


MARKED = {
    b"": ("", []),
    b"<A></A>": ("<A></A>", []),
    b"\0\x7f": ("\0\x7f", []),
    b"\xa4\xa4\xa4": ("中\ufffd", [2]),  # cut in the middle
    b"<A>\xa4</A>": ("<A>\ufffd</A>", [3]),  # the stray byte does not swallow the tag
    b"\x80\xa4\xa4": ("\ufffd中", [0]),
    b"\xff\xa4\xa4": ("\ufffd中", [0]),
    b"\xa3\xc0\xa4\xa4": ("\ufffd壑\ufffd", [0, 3]),  # reading goes on with C0 A4
}


def reference_decoder(data: bytes) -> tuple[str, list[int]]:
    """The rule as it is written down, byte by byte."""
    table, text, at = encoding.decode_table().tolist(), "", 0
    offsets: list[int] = []
    while at < len(data):
        if data[at] < 0x80:
            text, at = text + chr(data[at]), at + 1
        elif at + 1 < len(data) and table[data[at] << 8 | data[at + 1]]:
            text, at = text + chr(table[data[at] << 8 | data[at + 1]]), at + 2
        else:
            text, offsets, at = text + "\ufffd", [*offsets, at], at + 1
    return text, offsets


@pytest.mark.parametrize(("data", "marked"), MARKED.items())
def test_undecodable_bytes_are_marked_one_by_one(data: bytes, marked: tuple[str, list[int]]) -> None:
    assert encoding.decode_marking(data) == marked


@given(troubled_bytes)
def test_marking_follows_the_rule_on_any_bytes(data: bytes) -> None:
    text, offsets = encoding.decode_marking(data)
    assert (text, offsets) == reference_decoder(data)
    assert text.count(encoding.REPLACEMENT) == len(offsets)
    if offsets:
        with pytest.raises(encoding.UndecodableBytes) as refused:
            encoding.decode(data)
        assert refused.value.offset == offsets[0]
        assert data[offsets[0] :].startswith(refused.value.data)
        assert refused.value.data
    else:
        assert encoding.decode(data) == text


@pytest.mark.parametrize(
    ("data", "offset", "offending"),
    [
        (b"ab\x80", 2, b"\x80"),
        (b"\xa4\xa4\xa4", 2, b"\xa4"),
        (b"\xa4<", 0, b"\xa4"),
        (b"\xff\x40", 0, b"\xff"),
        (b"A\xa3\xc0", 1, b"\xa3\xc0"),  # a code without a character is shown whole
    ],
)
def test_the_offending_bytes_are_shown(data: bytes, offset: int, offending: bytes) -> None:
    with pytest.raises(encoding.UndecodableBytes) as refused:
        encoding.decode(data)
    assert (refused.value.offset, refused.value.data) == (offset, offending)
    assert offending.hex(" ").upper() in str(refused.value)


def test_errors_can_be_handed_from_one_process_to_another() -> None:
    for error in (encoding.UndecodableBytes(3, b"\xff"), encoding.UnencodableCharacter("😀", 1)):
        copy = pickle.loads(pickle.dumps(error))
        assert (type(copy), str(copy), vars(copy)) == (type(error), str(error), vars(error))


CHINESE = "<?xml version='1.0' encoding='Big5'?><RECS>就醫</RECS>"


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", "ascii"),
        (b"<RECS></RECS>", "ascii"),
        (CHINESE.encode(), "utf-8"),
        (b"\xef\xbb\xbf<RECS/>", "utf-8"),
        ("𠮷".encode(), "utf-8"),
        (encoding.encode(CHINESE), "big5"),
        (encoding.encode(CHINESE).replace(b"RECS", "é".encode()), "big5"),
        (b"\xc4\xa1\xc4\xa1", "big5"),  # two Big5 characters that are valid two-byte UTF-8
        ("é".encode(), "big5"),
        ("就".encode() + b"\xff", "big5"),
        (b"\xff\xfe<\0", "big5"),
        ("就".encode() + b"\xe9\x41", "big5"),  # broken off, but not at the end
    ],
)
def test_a_sample_is_told_by_its_bytes(data: bytes, expected: str) -> None:
    assert encoding.guess(data) == expected


@pytest.mark.parametrize("cut", range(1, len(CHINESE.encode()) + 1))
def test_a_sample_may_end_in_the_middle_of_a_character(cut: int) -> None:
    sample = CHINESE.encode()[:cut]
    complete = sample.decode(errors="ignore")
    expected = "utf-8" if not complete.isascii() else "ascii" if sample.isascii() else "big5"
    assert encoding.guess(sample) == expected
    assert encoding.guess(encoding.encode(CHINESE)[:cut]) == ("ascii" if sample.isascii() else "big5")
