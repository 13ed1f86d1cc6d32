"""Big5 as Taiwan's systems write it: one table for everything that reads or writes upload files.

Python has three codecs called Big5 and none of them is what arrives. The table is therefore made of areas,
each a run of two-byte codes (lead 81-FE, trail 40-7E or A1-FE; a trail is thus never ``<``, ``>`` or ``&``):

=========  ==========================================================================================
A140-A3BF  symbols, as in Microsoft's code page 950
A3E1       the euro sign, as in code page 950
A440-C67E  frequently used characters, as in code page 950
C6A1-C875  the ETEN extension: circled numbers, radicals, kana, Cyrillic. Python's ``cp950`` and ``big5``
           put kana at other codes of this area (a withdrawn mapping); its ``big5hkscs`` has ETEN's places
C876-C8FE  user-defined, U+F7E2..U+F848 (the end of Microsoft's run that begins with C6A1 = U+F6B1)
C940-F9FE  less used characters, and F9D6-F9FE, which plain Big5 lacks: 碁銹裏墻恒粧嫺 and box drawing
FA40-FEFE  user-defined, U+E000..U+E310
8E40-A0FE  user-defined, U+E311..U+EEB7
8140-8DFE  user-defined, U+EEB8..U+F6B0
=========  ==========================================================================================

User-defined characters (造字) have private code points, as Windows gives them, so that a name written with
them survives reading and writing. Nothing is ever substituted: what cannot be read or written is reported.
"""

import codecs
import re
import unicodedata
from functools import cache
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

REPLACEMENT: Final = "\ufffd"

_CP950_AREAS: Final = ((0xA140, 0xA3BF), (0xA3E1, 0xA3E1), (0xA440, 0xC67E), (0xC940, 0xF9FE))
_ETEN_AREA: Final = (0xC6A1, 0xC875)
# Hong Kong's set has these elsewhere, so it leaves ETEN's places for them empty or to a look-alike.
_ETEN_NOT_IN_HKSCS: Final = {
    0xC6CD: "幺",
    0xC6CF: "廴",
    0xC6D3: "无",
    0xC6D5: "癶",
    0xC6D7: "隶",
    0xC6DE: "〃",
    0xC6DF: "仝",
}
_USER_DEFINED_AREAS: Final = (
    (0xFA40, 0xFEFE, 0xE000),
    (0x8E40, 0xA0FE, 0xE311),
    (0x8140, 0x8DFE, 0xEEB8),
    (0xC6A1, 0xC8FE, 0xF6B1),
)
_NON_ASCII: Final = re.compile(rb"[\x80-\xff]")


class UndecodableBytes(ValueError):
    """Bytes that are not Big5: ``data`` (one or two bytes) at ``offset`` (bytes, from 0)."""

    def __init__(self, offset: int, data: bytes) -> None:
        super().__init__(offset, data)
        self.offset = offset
        self.data = data

    def __str__(self) -> str:
        return f"bytes {self.data.hex(' ').upper()} at offset {self.offset} are not Big5"


class UnencodableCharacter(ValueError):
    """A character that Big5 lacks: ``character``, its Unicode ``name``, ``position`` (characters, from 0)."""

    def __init__(self, character: str, position: int) -> None:
        super().__init__(character, position)
        self.character = character
        self.name = unicodedata.name(character, f"U+{ord(character):04X}")
        self.position = position

    def __str__(self) -> str:
        return f"Big5 has no {self.name} (U+{ord(self.character):04X}), at position {self.position} of the text"


@cache
def decode_table() -> NDArray[np.uint16]:
    """Code point of every two-byte code: shape (65536,), index ``lead << 8 | trail``, 0 = not Big5.

    Read-only. Sources: Microsoft's code page 950 with its private-use ranges, and ETEN's extension.
    """
    table = np.zeros(0x10000, np.uint16)
    for first, last, private in _USER_DEFINED_AREAS:
        codes = _codes(first, last)
        table[codes] = np.arange(private, private + len(codes))
    for first, last in _CP950_AREAS:
        codes = _codes(first, last)
        table[codes] = _code_points(codes, "cp950")
    eten = _codes(*_ETEN_AREA)
    eten = eten[~np.isin(eten, list(_ETEN_NOT_IN_HKSCS))]
    table[eten] = _code_points(eten, "big5hkscs")
    for code, character in _ETEN_NOT_IN_HKSCS.items():
        table[code] = ord(character)
    table.flags.writeable = False
    return table


def decode(data: bytes) -> str:
    """Text of Big5 bytes; raises `UndecodableBytes` at the first that are none."""
    text, offsets = decode_marking(data)
    if offsets:
        raise UndecodableBytes(offsets[0], _offending(data, offsets[0]))
    return text


def decode_marking(data: bytes) -> tuple[str, list[int]]:
    """Text of Big5 bytes with U+FFFD for each byte that is none, and the offsets of those bytes (from 0).

    After an undecodable byte reading goes on with the very next one, so one stray byte does not swallow the
    tag behind it.
    """
    try:
        text = data.decode("cp950")
    except UnicodeDecodeError:
        return _decode_by_table(data)
    return _decode_by_table(data) if _disputed().search(text) else (text, [])


def encode(text: str) -> bytes:
    """Big5 bytes of a text; raises `UnencodableCharacter` at the first character that Big5 lacks."""
    if not _disputed().search(text):
        try:
            return text.encode("cp950")
        except UnicodeEncodeError:
            pass  # user-defined, ETEN, or not Big5 at all: the table knows
    codes, missing = _encode_by_table(text)
    if len(missing):
        position = int(missing[0])
        raise UnencodableCharacter(text[position], position)
    octets = codes.astype(">u2").view(np.uint8)
    wanted = np.ones(len(octets), np.bool_)
    wanted[0::2] = codes > 0x7F  # an ASCII character has no lead byte
    return octets[wanted].tobytes()


def unencodable(text: str) -> list[tuple[int, str]]:
    """Every character that Big5 lacks, with its position (characters, from 0)."""
    if text.isascii():
        return []
    _, missing = _encode_by_table(text)
    return [(position, text[position]) for position in missing.tolist()]


def guess(data: bytes) -> Literal["ascii", "utf-8", "big5"]:
    """What a sample is written in, by its bytes alone; the sample may end in the middle of a character.

    UTF-8 needs all of it valid and one sequence of three bytes or more: Chinese in UTF-8 always has one,
    while a few Big5 characters can look like two-byte UTF-8 by accident.
    """
    if data.isascii():
        return "ascii"
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        decoder.decode(data)
    except UnicodeDecodeError:
        return "big5"
    unfinished, _ = decoder.getstate()
    octets = np.frombuffer(data, np.uint8, count=len(data) - len(unfinished))
    return "utf-8" if (octets >= 0xE0).any() else "big5"


def _codes(first: int, last: int) -> NDArray[np.uint16]:
    """The two-byte codes from first to last that have a trail byte of Big5, in order."""
    codes = np.arange(first, last + 1, dtype=np.uint16)
    trails = codes & 0xFF
    return codes[(trails >= 0x40) & (trails <= 0x7E) | (trails >= 0xA1) & (trails <= 0xFE)]


def _code_points(codes: NDArray[np.uint16], codec: str) -> NDArray[np.uint16]:
    """Code points of two-byte codes that the Python codec knows, each one character of the BMP."""
    text = codes.astype(">u2").tobytes().decode(codec)
    return np.frombuffer(text.encode("utf-16-le"), "<u2")


@cache
def _encode_table() -> NDArray[np.uint16]:
    """Code of every BMP code point: shape (65536,), 0 = not in Big5 (and the code of NUL itself)."""
    inverse = np.zeros(0x10000, np.uint16)
    inverse[:0x80] = np.arange(0x80)
    codes = np.flatnonzero(decode_table()).astype(np.uint16)
    inverse[decode_table()[codes]] = codes
    for first, last in _CP950_AREAS:
        # Ten characters have two codes (十卅 and box drawing); code page 950 says which one is written.
        characters = decode_table()[_codes(first, last)]
        written = characters.astype("<u2").tobytes().decode("utf-16-le").encode("cp950")
        inverse[characters] = np.frombuffer(written, ">u2")
    return inverse


@cache
def _disputed() -> re.Pattern[str]:
    """The characters for which Python's cp950 and the table disagree, so that its codec must not be used.

    They are the kana and Cyrillic it has at other codes, and signs it writes as a look-alike (¢ for ￠).
    """
    every = "".join(map(chr, [*range(0x80, 0xD800), *range(0xE000, 0x10000)]))
    # "replace" writes one "?" for what cp950 lacks, so the answer stays aligned with the question.
    answer = every.encode("cp950", "replace").decode("cp950")
    known = "".join(asked for asked, got in zip(every, answer, strict=True) if got != "?")
    written = np.frombuffer(known.encode("cp950"), ">u2")
    points = np.frombuffer(known.encode("utf-16-le"), "<u2")
    disputed = points[decode_table()[written] != points].tobytes().decode("utf-16-le")
    return re.compile(f"[{re.escape(disputed)}]")


def _decode_by_table(data: bytes) -> tuple[str, list[int]]:
    table = decode_table().data
    parts: list[str] = []
    offsets: list[int] = []
    at = 0
    while found := _NON_ASCII.search(data, at):
        parts.append(data[at : found.start()].decode("ascii"))
        at = found.start()
        while at < len(data) and data[at] >= 0x80:
            point = table[data[at] << 8 | data[at + 1]] if at + 1 < len(data) else 0
            if not point:
                offsets.append(at)
            parts.append(chr(point) if point else REPLACEMENT)
            at += 2 if point else 1
    parts.append(data[at:].decode("ascii"))
    return "".join(parts), offsets


def _encode_by_table(text: str) -> tuple[NDArray[np.uint16], NDArray[np.intp]]:
    """Code of each character, and the positions of those that have none."""
    points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4")
    codes = _encode_table()[np.minimum(points, 0xFFFF)]
    return codes, np.flatnonzero((codes == 0) & (points != 0))


def _offending(data: bytes, offset: int) -> bytes:
    """The undecodable byte, with its trail if the two have the form of a Big5 code that has no character."""
    pair = data[offset : offset + 2]
    formed = len(pair) == 2 and 0x81 <= pair[0] <= 0xFE and len(_codes(*(int.from_bytes(pair, "big"),) * 2))
    return pair if formed else pair[:1]
