"""Mutations of real files that keep to their structure: elements dropped, doubled and swapped, values and encodings
changed. A fuzzer that only flips bits seldom comes behind the first tag."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from functools import cache
from typing import Final

from nhicard.formats.claims.tables import KINDS, table
from nhicard.formats.grammar import Grammar, visits
from nhicard.formats.tables import EDITIONS

Mutation = Callable[[bytes, random.Random], bytes]

_LEAF: Final = re.compile(rb"<([A-Za-z][0-9]{1,3})>([^<]*)</\1>\s*")
_TAG: Final = re.compile(rb"</?[A-Za-z][A-Za-z0-9]*\s*/?>")
#: What values are at the edges of what readers do: lengths around a view's 12 bytes, markup, both encodings, damage.
_VALUES: Final = (
    *(b"", b" ", b"0", b"x" * 11, b"x" * 12, b"x" * 13, b"9" * 300, b"\r\n", b"\r", b"\t \n", b"a\rb\nc"),
    *(b"&amp;", b"&lt;&gt;&quot;&apos;", b"&#13;", b"&#x4e2d;", b"&#0;", b"&lol;", b"&amp", b"&", b">", b"]]>", b"\0"),
    *(b"\xa4\xa4\xa4\xe5", b"\xe4\xb8\xad\xe6\x96\x87", b"\xa4", b"\xff", b"\x80\x80", b"\xf9\xd6\xf9\xd9"),
    *(b"\xf0\xa0\xae\xb7", b"\xed\xa0\x80", b"\xc0\x80", b"\xe4\xb8", b"\xef\xbb\xbf", b"\xa1\x5c\xa1\x7c", b"1121016"),
)  # fmt: skip
_PIECES: Final = (
    *(b"<!-- -->", b"<!--", b"-->", b"<![CDATA[x]]>", b"<![CDATA[", b"<?pi x?>", b"<?", b"<!DOCTYPE a []>"),
    *(b"<X99>1</X99>", b"<A12/>", b"<M12 a='1'>1</M12>", b"<n:M12 xmlns:n='u'>1</n:M12>", b"text", b"<", b"</", b"\0"),
    *(b"<RECS>", b"</RECS>", b"<REC>", b"</REC>", b"<REC", b"</REC >", b"<REC/>", b"<MB2/>", b"<MB2></MB2>", b"<MSH>"),
)  # fmt: skip


@cache
def _names() -> tuple[bytes, ...]:
    """Every element of every kind of file."""
    grammars: list[Grammar] = [*map(visits, EDITIONS), *(table(kind).grammar for kind in KINDS)]
    return tuple(sorted({name.encode() for each in grammars for name in (*each.segments, *each.structure)}))


def _leaf(data: bytes, chance: random.Random) -> re.Match[bytes] | None:
    """A field with its value; the search begins anywhere, so that long files cost no more than short ones."""
    return _LEAF.search(data, chance.randrange(len(data) + 1)) or _LEAF.search(data)


def _tag(data: bytes, chance: random.Random) -> re.Match[bytes] | None:
    return _TAG.search(data, chance.randrange(len(data) + 1)) or _TAG.search(data)


def drop_field(data: bytes, chance: random.Random) -> bytes:
    """A field that was not sent."""
    found = _leaf(data, chance)
    return data[: found.start()] + data[found.end() :] if found else data


def double_field(data: bytes, chance: random.Random) -> bytes:
    """A field that stands twice."""
    found = _leaf(data, chance)
    return data[: found.end()] + found[0] + data[found.end() :] if found else data


def rename_field(data: bytes, chance: random.Random) -> bytes:
    """Another field's name, of this edition or of another kind of file."""
    found, name = _leaf(data, chance), chance.choice(_names())
    return data[: found.start()] + b"<%b>%b</%b>" % (name, found[2], name) + data[found.end() :] if found else data


def change_value(data: bytes, chance: random.Random) -> bytes:
    """A value at the edge of what values are."""
    found = _leaf(data, chance)
    if not found:
        return data
    cut = chance.randrange(len(found[2]) + 1)
    value = chance.choice((chance.choice(_VALUES), found[2][:cut] + chance.choice(_VALUES) + found[2][cut:]))
    return data[: found.start(2)] + value + data[found.end(2) :]


def empty_field(data: bytes, chance: random.Random) -> bytes:
    """A field sent empty, in its short form."""
    found = _leaf(data, chance)
    return data[: found.start()] + b"<%b/>" % found[1] + data[found.end() :] if found else data


def swap_fields(data: bytes, chance: random.Random) -> bytes:
    """Two fields in each other's place, perhaps of different segments."""
    one, other = _leaf(data, chance), _leaf(data, chance)
    if one is None or other is None:
        return data
    first, second = sorted((one, other), key=re.Match.start)
    if first.end() > second.start():
        return data
    between = data[first.end() : second.start()]
    return data[: first.start()] + second[0] + between + first[0] + data[second.end() :]


def drop_tag(data: bytes, chance: random.Random) -> bytes:
    """One tag less: nesting that does not fit."""
    found = _tag(data, chance)
    return data[: found.start()] + data[found.end() :] if found else data


def spoil_tag(data: bytes, chance: random.Random) -> bytes:
    """A tag with an attribute, a blank, without its end, or opening instead of closing."""
    found = _tag(data, chance)
    if not found:
        return data
    inner = found[0].strip(b"</>")
    ways = (b"<%b a='1'>", b"<%b >", b"<%b", b"</%b>", b"<%b>", b"<%b/>", b"< %b>", b"<%b\n>")
    return data[: found.start()] + chance.choice(ways) % inner + data[found.end() :]


def repeat_record(data: bytes, chance: random.Random) -> bytes:
    """The same record again, or one less."""
    parts = re.split(rb"(?=<(?:REC|ddata|MB2|pdata)>)", data)
    place = chance.randrange(len(parts))
    return b"".join(parts[:place] + [parts[place]] * chance.choice((0, 2, 3)) + parts[place + 1 :])


def insert_piece(data: bytes, chance: random.Random) -> bytes:
    """Something between two tags that no record has."""
    found = _tag(data, chance)
    at = chance.choice((found.start(), found.end())) if found else chance.randrange(len(data) + 1)
    return data[:at] + chance.choice(_PIECES) + data[at:]


def change_encoding(data: bytes, chance: random.Random) -> bytes:
    """The whole file in another encoding, or with a mark of one."""
    try:
        text = data.decode("cp950")
    except UnicodeDecodeError:
        text = data.decode("utf-8", "replace")
    ways: tuple[Callable[[], bytes], ...] = (
        lambda: text.encode("utf-8"),
        lambda: text.encode("cp950", "replace"),
        lambda: b"\xef\xbb\xbf" + data,
        lambda: text.encode("utf-16"),
        lambda: data.replace(b"\n", b"\r\n"),
        lambda: data.replace(b"Big5", b"UTF-8"),
    )
    return chance.choice(ways)()


def cut_off(data: bytes, chance: random.Random) -> bytes:
    """A file that was not sent whole."""
    return data[: chance.randrange(len(data) + 1)]


def flip(data: bytes, chance: random.Random) -> bytes:
    """A byte of another value."""
    if not data:
        return b"<"
    at = chance.randrange(len(data))
    return data[:at] + bytes([chance.randrange(256)]) + data[at + 1 :]


MUTATIONS: Final[tuple[Mutation, ...]] = (
    drop_field,
    double_field,
    rename_field,
    change_value,
    change_value,
    empty_field,
    swap_fields,
    drop_tag,
    spoil_tag,
    repeat_record,
    insert_piece,
    change_encoding,
    cut_off,
    flip,
)


def mutated(data: bytes, most: int, seed: int) -> bytes:
    """The file after one to four of these, at most ``most`` bytes of it; the same for the same seed."""
    chance = random.Random(seed)
    for _ in range(chance.randint(1, 4)):
        data = chance.choice(MUTATIONS)(data, chance)
    return data[:most]
