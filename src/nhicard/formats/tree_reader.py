"""Reads one record that is not of the flat grammar: hardened lxml, and a sentence for every fault.

A record is cut out of the bytes by its own tags, so that one that is not well-formed harms no other. Bytes
from 0x80 up travel through the parser as private-use characters of plane 15 and come out as the bytes they
were, so that this reader and the span kernel decode them with the same table.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from lxml import etree

from nhicard.formats.batch import Encoding, Fault
from nhicard.formats.encoding import decode_marking
from nhicard.formats.grammar import Grammar

MAX_VALUE: Final = 1 << 20
MAX_RECORD: Final = 8 << 20
#: Faults of one record that are told one by one, and undecodable bytes of a slice.
MOST_LISTED: Final = 1 << 12

_SHELTER: Final = 0xF0000
_TO_SHELTER = str.maketrans({byte: chr(_SHELTER + byte) for byte in range(0x80, 0x100)})
_SHELTERED = re.compile(f"[{chr(_SHELTER + 0x80)}-{chr(_SHELTER + 0xFF)}]")
_SHELTERED_RUN = re.compile(f"[\0-\x7f{chr(_SHELTER + 0x80)}-{chr(_SHELTER + 0xFF)}]+")

_FIELD_ID = re.compile(r"[A-Z][0-9]{2}|[a-z][0-9]{1,3}")


@dataclass(slots=True)
class Record:
    """One record as the tree reader understood it. Lines count from 1 within the record's own bytes."""

    visit: dict[str, tuple[str, int]] = field(default_factory=dict)
    orders: list[tuple[int, dict[str, tuple[str, int]]]] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)


def record_end(data: bytes, start: int, grammar: Grammar) -> tuple[int, bool]:
    """Where the record that opens at ``start`` ends: (position behind it, whether its end tag was there).

    Without an end tag the record ends before the next record or the root's end, else at the end of data. Comments
    and CDATA sections are passed over; one that does not end is taken to reach the end of data.
    """
    first = True
    end = f"</{grammar.record}".encode()
    for token in grammar.patterns.token.finditer(data, start):
        text = token.group()
        if text.startswith((b"<!", b"<?")):
            continue
        if first:
            first = False
            if text.rstrip(b">").rstrip().endswith(b"/"):
                return token.end(), True
            continue
        if text.startswith(end) and not text[len(end) : len(end) + 1].isalpha():
            return token.end(), text.endswith(b">")
        return token.start(), False
    return len(data), False


def read_record(raw: bytes, grammar: Grammar, encoding: Encoding, root: bytes, *, closed: bool, offset: int) -> Record:
    """One record from its own bytes (start tag to end tag).

    ``root`` is the root's start tag, so that namespaces declared there are known; ``offset`` is the record's
    place in the file. Never raises on any bytes: what is wrong stands in ``Record.faults``.
    """
    record = Record()
    if not closed:
        record.faults.append(
            Fault(
                "Y006",
                f"本筆缺少 </{grammar.record}>；請補上後重傳。",
                f"This record has no </{grammar.record}>; add it and send the record again.",
                line=1,
            )
        )
    if len(raw) > MAX_RECORD:
        record.faults.append(_malformed(f"record of {len(raw):,} bytes exceeds {MAX_RECORD:,}", 1))
        return record
    tree = _parse(raw, root, grammar, grammar.record, record, recover=not closed)
    if tree is not None:
        _Walker(record, grammar, encoding, raw, offset).record(tree)
    return record


def read_preamble(raw: bytes, grammar: Grammar, encoding: Encoding, root: bytes, *, offset: int) -> Record:
    """The element that stands once before the records, from its own bytes: its fields are in ``visit``."""
    assert grammar.preamble is not None
    record = Record()
    tree = _parse(raw, root, grammar, grammar.preamble, record, recover=False)
    if tree is not None:
        _Walker(record, grammar, encoding, raw, offset).preamble(tree)
    return record


def _parser(*, recover: bool) -> etree.XMLParser:
    return etree.XMLParser(
        encoding="utf-8",
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
        strip_cdata=True,
        recover=recover,
    )


def _parse(
    raw: bytes, root: bytes, grammar: Grammar, wanted: str, record: Record, *, recover: bool
) -> etree._Element | None:
    text = (root + raw).decode("latin-1")
    sheltered = (text if text.isascii() else text.translate(_TO_SHELTER)) + ("" if recover else f"</{grammar.root}>")
    data = sheltered.encode("utf-8", "surrogatepass")
    try:
        tree = etree.fromstring(data, _parser(recover=recover))
    except etree.XMLSyntaxError as error:
        line = max(1, error.lineno or 1)
        record.faults.append(_malformed(_plain(error.msg or "not well-formed"), line))
        try:
            tree = etree.fromstring(data, _parser(recover=True))
        except etree.XMLSyntaxError:
            return None
    if tree is None:
        return None
    return next((child for child in tree if isinstance(child.tag, str) and _local(child) == wanted), None)


def _plain(message: str) -> str:
    """libxml2's message without the value bytes that it may quote."""
    return _SHELTERED.sub("?", message.split(", line ", maxsplit=1)[0])[:160]


def _malformed(why: str, line: int) -> Fault:
    return Fault(
        "Y003",
        f"內容不是格式正確的 XML（{why}）；請由產生檔案的程式修正後重傳。",
        f"The content is not well-formed XML ({why}); correct the program that wrote it and send again.",
        line=line,
    )


def _local(element: etree._Element) -> str:
    return str(element.tag).rpartition("}")[2]


def _line(element: etree._Element) -> int:
    """The element's line, from 1 within the record's own bytes."""
    line: Any = element.sourceline  # the stubs say Ellipsis
    return int(line or 1)


class _Walker:
    """Carries one record's context (grammar, encoding, bytes) through its elements."""

    def __init__(self, record: Record, grammar: Grammar, encoding: Encoding, raw: bytes, offset: int) -> None:
        self.out = record
        self.grammar = grammar
        self.encoding = encoding
        self.raw = raw
        self.offset = offset
        self.bad: list[tuple[int, str, int | None, int]] = []
        self.untold = 0

    def record(self, tree: etree._Element) -> None:
        """Take in a whole record."""
        self._parts(tree)
        self._close()

    def preamble(self, tree: etree._Element) -> None:
        """Take in the element before the records."""
        self._fields(tree, str(self.grammar.preamble), None, self.out.visit)
        self._close()

    def _close(self) -> None:
        """Tell of undecodable bytes, and how many faults are not told one by one."""
        if self.bad:
            self.out.faults += self._undecodable()
        if more := self.untold + max(0, len(self.bad) - MOST_LISTED):
            zh, en = (
                f"本筆另有 {more:,} 個錯誤，未逐一列出。",
                f"This record has {more:,} more faults that are not listed.",
            )
            self.out.faults.append(Fault("Y003", zh, en, line=1))

    def _undecodable(self) -> Iterator[Fault]:
        """Faults of the bytes that could not be decoded. The parser gives no places; but bad bytes come in the same
        order in the values as in the record, unless some stand outside any value."""
        places = decode_bytes(self.raw, self.encoding)[1]
        known = [self.raw[place] for place in places] == [byte for byte, *_ in self.bad]
        own_line, before = 1, 0
        for number, (byte, field_id, order, line) in enumerate(self.bad[:MOST_LISTED]):
            if not known:
                yield undecodable(self.encoding, byte, field_id, order, line, None)
                continue
            place = places[number]
            own_line += self.raw.count(b"\n", before, place)
            before = place
            yield undecodable(self.encoding, byte, field_id, order, own_line, self.offset + place)

    def _parts(self, tree: etree._Element) -> None:
        grammar = self.grammar
        parts = self._children(tree, grammar.record, {grammar.head: 1, grammar.body: 1})
        heads = parts[grammar.head]
        if not heads:
            self._fault("Y002", f"本筆缺少檔頭 {grammar.head}。", f"This record has no header {grammar.head}.", tree)
        for head in heads:
            self._fields(head, grammar.head, None, self.out.visit)
        bodies = parts[grammar.body]
        if not bodies:
            self._fault("Y005", f"本筆缺少 {grammar.body}。", f"This record has no {grammar.body}.", tree)
        for body in bodies:
            for place, order in enumerate(self._body(body), 1):
                values: dict[str, tuple[str, int]] = {}
                self._fields(order, grammar.order, place, values)
                self.out.orders.append((_line(order), values))

    def _body(self, body: etree._Element) -> list[etree._Element]:
        """Take in the record's own fields; its orders are returned."""
        grammar = self.grammar
        if grammar.visit == grammar.body:
            return self._fields(body, grammar.body, None, self.out.visit)
        inner = self._children(body, grammar.body, {grammar.visit: 1, grammar.order: None})
        if not inner[grammar.visit]:
            zh, en = f"{grammar.body} 內缺少 {grammar.visit}。", f"{grammar.body} holds no {grammar.visit}."
            self._fault("Y005", zh, en, body)
        for visit in inner[grammar.visit]:
            self._fields(visit, grammar.visit, None, self.out.visit)
        return inner[grammar.order]

    def _children(
        self, parent: etree._Element, name: str, allowed: dict[str, int | None]
    ) -> dict[str, list[etree._Element]]:
        """The structural children by name; anything else among them is a fault of level (Y005)."""
        found: dict[str, list[etree._Element]] = {child: [] for child in allowed}
        self._stray(parent)
        for child in parent:
            if not isinstance(child.tag, str):
                self._unreadable(child)
                continue
            tag = _local(child)
            if tag not in found:
                self._misplaced(child, tag, name)
                continue
            limit = allowed[tag]
            if limit is not None and len(found[tag]) >= limit:
                self._fault("Y005", f"{name} 內只能有一個 {tag}。", f"{name} may hold only one {tag}.", child)
                continue
            found[tag].append(child)
        return found

    def _misplaced(self, child: etree._Element, tag: str, parent: str) -> None:
        place = self.grammar.segments.get(tag)
        if place is not None:
            zh = f"{tag} 應在 {place} 內，不在 {parent} 內；請移到正確層次。"
            en = f"{tag} belongs in {place}, not in {parent}; move it to its level."
            self._fault("Y005", zh, en, child, field_id=tag)
        elif _FIELD_ID.fullmatch(tag):
            self._unknown(child, tag)
        else:
            zh, en = f"{parent} 內不應有 <{tag}>。", f"{parent} must not hold <{tag}>."
            self._fault("Y005", zh, en, child)

    def _fields(
        self, segment: etree._Element, name: str, order: int | None, values: dict[str, tuple[str, int]]
    ) -> list[etree._Element]:
        """Take in the fields of an element; the orders among them, where the grammar has them there, are returned."""
        orders = []
        grammar = self.grammar
        self._stray(segment)
        for child in segment:
            if not isinstance(child.tag, str):
                self._unreadable(child)
                continue
            tag = _local(child)
            place = grammar.segments.get(tag)
            if tag == grammar.order and name == grammar.visit == grammar.body:
                orders.append(child)
            elif place is None:
                if tag in grammar.structure:
                    self._fault(
                        "Y005",
                        f"{name} 內不應有 <{tag}>。",
                        f"{name} must not hold <{tag}>.",
                        child,
                        order=order,
                    )
                else:
                    self._unknown(child, tag, order)
            elif not grammar.allows(tag, name):
                zh = f"{tag} 應在 {place} 內，不在 {name} 內；請移到正確層次。"
                en = f"{tag} belongs in {place}, not in {name}; move it to its level."
                self._fault("Y005", zh, en, child, field_id=tag, order=order)
            elif tag in values:
                zh = f"{tag} 在同一段內出現兩次；請只留一個。"
                en = f"{tag} stands twice in one segment; keep one."
                self._fault("Y003", zh, en, child, field_id=tag, order=order)
            else:
                values[tag] = (self._value(child, tag, order), _line(child))
        return orders

    def _value(self, element: etree._Element, field_id: str, order: int | None) -> str:
        for child in element:
            if isinstance(child.tag, str):
                zh, en = (
                    f"{field_id} 內不應再有 <{_local(child)}>。",
                    f"{field_id} must not hold <{_local(child)}>.",
                )
                self._fault("Y005", zh, en, child, field_id=field_id, order=order)
            else:
                self._unreadable(child)
        text = "".join(map(str, element.itertext())) if len(element) else element.text or ""
        if len(text) > MAX_VALUE:
            zh, en = f"內容超過 {MAX_VALUE:,} 位元組。", f"The value exceeds {MAX_VALUE:,} bytes."
            self._fault("Y003", zh, en, element, field_id=field_id, order=order)
            return ""
        if text.isascii():
            return text
        return "".join(self._decoded(text, element, field_id, order))

    def _decoded(self, text: str, element: etree._Element, field_id: str, order: int | None) -> Iterator[str]:
        """Runs of sheltered bytes decoded; characters that came as references stay what they are."""
        end = 0
        for run in _SHELTERED_RUN.finditer(text):
            yield text[end : run.start()]
            end = run.end()
            data = bytes(ord(c) & 0xFF for c in run.group())
            decoded, bad = decode_bytes(data, self.encoding)
            self.bad += [(data[position], field_id, order, _line(element)) for position in bad]
            yield decoded
        yield text[end:]

    def _stray(self, parent: etree._Element) -> None:
        pieces = [parent.text, *(child.tail for child in parent)]
        if any(piece and piece.strip(" \t\r\n") for piece in pieces):
            zh = f"<{_local(parent)}> 的欄位之間有不屬於任何欄位的文字。"
            en = f"There is text outside any field within <{_local(parent)}>."
            self._fault("Y003", zh, en, parent)

    def _unknown(self, child: etree._Element, tag: str, order: int | None = None) -> None:
        shown = _plain(tag)[:20]
        zh = f"沒有 {shown} 這個欄位；請核對欄位代號與格式版本。"
        en = f"There is no field {shown}; check the field id and the edition of the format."
        self._fault("Y004", zh, en, child, field_id=shown, order=order)

    def _unreadable(self, child: etree._Element) -> None:
        if any(fault.code == "Y003" for fault in self.out.faults):
            return  # the parser has said so
        self._fault("Y003", "內容含有未定義的實體。", "The content refers to an entity that is not defined.", child)

    def _fault(
        self,
        code: str,
        zh: str,
        en: str,
        element: etree._Element,
        *,
        field_id: str | None = None,
        order: int | None = None,
    ) -> None:
        if len(self.out.faults) >= MOST_LISTED:
            self.untold += 1
            return
        self.out.faults.append(Fault(code, zh, en, field=field_id, order=order, line=_line(element)))


def decode_bytes(data: bytes, encoding: Encoding) -> tuple[str, list[int]]:
    """Text of a value and the positions of its undecodable bytes, each shown as U+FFFD."""
    if encoding != "utf-8":
        return decode_marking(data)
    try:
        return data.decode("utf-8"), []
    except UnicodeDecodeError:
        pass
    text: list[str] = []
    bad: list[int] = []
    position = 0
    while position < len(data):
        for length in (1, 2, 3, 4):
            try:
                text.append(data[position : position + length].decode("utf-8"))
            except UnicodeDecodeError:
                continue
            position += length
            break
        else:
            text.append("\ufffd")
            bad.append(position)
            position += 1
    return "".join(text), bad


def undecodable(
    encoding: Encoding, byte: int, field_id: str, order: int | None, line: int, offset: int | None
) -> Fault:
    """The fault of a byte that the file's encoding does not know."""
    name = "UTF-8" if encoding == "utf-8" else "Big5"
    where_zh = f"（檔案第 {offset} 位元組）" if offset is not None else ""
    where_en = f" (byte {offset} of the file)" if offset is not None else ""
    return Fault(
        "Y014",
        f"{field_id} 含有不是 {name} 的位元組 0x{byte:02X}{where_zh}；請以 Big5 重新產生檔案。",
        f"{field_id} holds byte 0x{byte:02X}, which is not {name}{where_en}; write the file again in Big5.",
        field=field_id,
        order=order,
        line=line,
        offset=offset,
    )
