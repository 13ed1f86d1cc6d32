"""Reading upload files of both editions: slices of bounded size, the fast reader first.

``read`` gives a whole file as one batch, ``scan`` its slices one after the other.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import BinaryIO, Final, Literal, get_args

import numpy as np
import polars as pl

from nhicard.formats import encoding as codec
from nhicard.formats.batch import Batch, Encoding, Fault, Records, Scope, concat, of_records
from nhicard.formats.grammar import Grammar, visits
from nhicard.formats.slice import Slice
from nhicard.formats.tree_reader import MAX_RECORD, read_preamble

SLICE_BYTES: Final = 12 << 20
_PADDING: Final = np.frombuffer(b"\0" * 16 + b"<" + b"\0" * 47, dtype=np.uint8)  # ends every scan of the kernel
PADDING: Final = len(_PADDING)
# Below this size loading the compiled reader costs more time, and 150 MB more memory, than it saves.
KERNEL_FROM_BYTES: Final = 4 << 20
_PREAMBLE_BYTES: Final = 1 << 16

Reader = Literal["auto", "kernel", "tree"]

_DOCTYPE = re.compile(rb"<!DOCTYPE\b")
_DECLARED = re.compile(rb"encoding\s*=\s*[\"']([A-Za-z0-9._-]+)[\"']")
_ROOT_NAME = re.compile(rb"<([A-Za-z_][\w.:-]*)")
_FIRST_FIELD = re.compile(rb"<(?:(A)|[HMDVE])[0-9]{2}\s*/?>")


@dataclass(frozen=True, slots=True, eq=False)
class Family:
    """Kinds of files that are read by one call and told apart by what they begin with.

    ``roots``: the names that a root may have. ``choose`` gives the grammar for a root's name, the bytes behind its
    start tag at hand. ``document_zh`` and ``document_en`` name what was expected where the root is another one.
    """

    roots: tuple[str, ...]
    choose: Callable[[str, bytes], Grammar]
    document_zh: str
    document_en: str
    prolog: re.Pattern[bytes] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        # What was looked ahead at is not tried in other ways: hostile white space would be, in every one. A possessive
        # group would say the same, but before Python 3.11.5 it goes on behind an attempt that failed.
        gap = rb"(?=(?P<gap>(?:\s+|<!--.*?-->|<\?.*?\?>)*))(?P=gap)"
        before = rb"\s*+(?:<\?xml(?P<declaration>[^>?]*)\?>)?" + gap
        names = "|".join(map(re.escape, self.roots)).encode()
        root = rb"(?P<root><(?P<name>%b)(?:\s[^>]*+)?>)" % names
        object.__setattr__(self, "prolog", re.compile(before + root, re.DOTALL))


def _edition(_: str, behind: bytes) -> Grammar:
    """The edition of an upload file: its first field tells."""
    first = _FIRST_FIELD.search(behind)
    return visits("1.0" if first is not None and first[1] else "2.0")


VISITS: Final = Family(("RECS",), _edition, "健保卡資料上傳檔", "an upload file")


class UnusableInput(ValueError):
    """The input is no upload file at all; ``zh`` and ``en`` say in a sentence why."""

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(en)
        self.zh = zh
        self.en = en


def read(source: Path | str | bytes | BinaryIO, *, reader: Reader = "auto") -> Batch:
    """The whole file as one batch.

    ``reader``: ``"kernel"`` and ``"tree"`` force one of the two readers (for comparison), ``"auto"`` takes the
    kernel for files worth its start-up. Raises UnusableInput for what is no upload file, OSError when the file
    cannot be read; everything else that is wrong is in ``Batch.faults``.
    """
    return concat(list(scan(source, reader=reader)))


def scan(
    source: Path | str | bytes | BinaryIO, *, reader: Reader = "auto", slice_bytes: int = SLICE_BYTES
) -> Iterator[Batch]:
    """The file's batches, one a slice of about ``slice_bytes``; at least one. Errors as ``read``."""
    for grammar, records in scan_family(source, VISITS, reader=reader, slice_bytes=slice_bytes):
        yield of_records("1.0" if grammar.name == "1.0" else "2.0", records)


def scan_family(
    source: Path | str | bytes | BinaryIO, family: Family, *, reader: Reader = "auto", slice_bytes: int = SLICE_BYTES
) -> Iterator[tuple[Grammar, Records]]:
    """The same for files of any family: each slice's records with the grammar that they were read by."""
    with _opened(source) as stream:
        yield from _Scan(stream, family, reader, slice_bytes).parts()


@contextmanager
def _opened(source: Path | str | bytes | BinaryIO) -> Iterator[BinaryIO]:
    if isinstance(source, bytes):
        yield io.BytesIO(source)
    elif isinstance(source, (str, Path)):
        path = Path(source)
        if path.is_dir():
            raise UnusableInput(f"{path} 是資料夾，不是檔案。", f"{path} is a folder, not a file.")
        with path.open("rb") as stream:
            yield stream
    else:
        yield source


class _Scan:
    """The state that goes from slice to slice: position, record and line numbers, encoding, grammar."""

    def __init__(self, stream: BinaryIO, family: Family, reader: Reader, slice_bytes: int) -> None:
        self.stream = stream
        self.family = family
        self.grammar = family.choose(family.roots[0], b"")  # until the file has told its own
        self.reader = reader
        self.slice_bytes = slice_bytes
        self.leftover: bytes | memoryview = b""
        self.offset = 0  # of the slice's first byte in the file
        self.line = 1
        self.record = 1
        self.final = False
        self.encoding: Encoding = "ascii"
        self.declared = "big5"
        self.root = b""
        self.preamble: dict[str, tuple[str, int]] = {}
        self.closed = False
        self.told_of_utf8 = False
        self.faulty = False

    def parts(self) -> Iterator[tuple[Grammar, Records]]:
        part, start, readable, faults = self._open()
        grammar = self.grammar
        if not readable:
            yield grammar, _no_records(grammar, faults)
            return
        while True:
            faults += self._settle_encoding(part)
            if grammar.preamble and self.offset == 0:
                start = self._read_preamble(part, start, faults)
            consumed, records = part.read(
                start, grammar, self.encoding, self.root, final=self.final, closed=self.closed
            )
            self.closed = part.closed
            if records.faults or faults:
                records = replace(records, faults=(*faults, *records.faults))
            faults = []
            self.record += records.visits.height
            self.line += part.lines_before(consumed)
            if consumed == 0 and part.end > MAX_RECORD and not self.final:
                part.stopped = True
                records = replace(records, faults=(*records.faults, _record_too_long(grammar, self.line)))
            ended = part.stopped or (self.final and consumed >= part.end)
            if ended and not self.closed and not part.stopped:
                records = replace(records, faults=(*records.faults, _no_end(grammar, self.line)))
            self.faulty |= bool(records.faults)
            if ended and self.record == 1 and not self.faulty:
                records = replace(records, faults=(_no_record(grammar, self.line),))
            if records.visits.height or records.faults or ended:
                yield grammar, replace(records, preamble=self.preamble)
            if ended:
                return
            self.offset += consumed
            self.leftover = part.tail(consumed)
            part = self._next_slice()
            start = 0

    def _next_slice(self) -> Slice:
        """The leftover and as much of the file as makes a slice, in a fresh buffer that batches may point into."""
        least = _PREAMBLE_BYTES if self.grammar.preamble and self.offset == 0 else 0  # it is read in one piece
        capacity = max(self.slice_bytes, 2 * len(self.leftover), least)
        buffer = np.empty(capacity + PADDING, dtype=np.uint8)
        filled = len(self.leftover)
        buffer[:filled] = np.frombuffer(self.leftover, dtype=np.uint8)
        view = buffer.data
        while filled < capacity and not self.final:
            got = self.stream.readinto(view[filled:capacity])  # type: ignore[attr-defined]
            if not got:
                self.final = True
                break
            filled += got
        if filled < capacity // 2:
            buffer = buffer[: filled + PADDING].copy()
        buffer[filled : filled + PADDING] = _PADDING
        small = self.reader == "auto" and self.final and self.offset == 0 and filled < KERNEL_FROM_BYTES
        return Slice(
            buffer,
            filled,
            offset=self.offset,
            first_record=self.record,
            first_line=self.line,
            use_kernel=self.reader == "kernel" or (self.reader == "auto" and not small),
        )

    def _open(self) -> tuple[Slice, int, bool, list[Fault]]:
        """The first slice, what follows the root's start tag in it, and whether it can be read at all."""
        part = self._next_slice()
        head = part.head(1 << 16)
        if head.startswith(b"\xef\xbb\xbf"):
            head = b"   " + head[3:]
        _refuse_other_kinds(head, self.family)
        doctype = _DOCTYPE.search(head)
        prolog = self.family.prolog.match(head)
        if doctype and (prolog is None or doctype.start() < prolog.end()):
            return part, 0, False, [_no_dtd(part.line_at(doctype.start()))]
        if prolog is None:
            return part, 0, False, [_wrong_root(head, self.family)]
        declared = _DECLARED.search(prolog["declaration"] or b"")
        if declared:
            self.declared = declared[1].decode("ascii").lower()
        self.root = bytes(prolog["root"]).replace(b"\n", b" ")  # a record's lines are counted from behind it
        if self.root.endswith(b"/>"):
            self.closed = True
            self.root = self.root[:-2] + b">"
        behind = part.head(1 << 20)[prolog.end() :]
        self.grammar = self.family.choose(prolog["name"].decode("ascii"), behind)
        return part, prolog.end(), True, []

    def _read_preamble(self, part: Slice, start: int, faults: list[Fault]) -> int:
        """Read the element before the records into ``preamble``; where the records start."""
        grammar = self.grammar
        head = part.head(_PREAMBLE_BYTES)
        name = str(grammar.preamble).encode()
        gap = rb"(?=(?P<gap>\s*(?:<!--.*?-->\s*)*))(?P=gap)"
        whole = rb"(?P<whole><%b(?:\s[^>]*+)?>.*?</%b\s*>)" % (name, name)
        found = re.compile(gap + whole, re.DOTALL).match(head, start)
        if found is None:
            faults.append(_no_preamble(grammar, part.line_at(start)))
            return start
        read = read_preamble(
            found["whole"], grammar, self.encoding, self.root, offset=self.offset + found.start("whole")
        )
        base = part.line_at(found.start("whole")) - 1
        self.preamble = {name: (value, line + base) for name, (value, line) in read.visit.items()}
        faults += [replace(fault, line=(fault.line or 1) + base) for fault in read.faults]
        return found.end()

    def _settle_encoding(self, part: Slice) -> list[Fault]:
        """Decide on the file's encoding at the first slice that has more than ASCII."""
        if self.encoding == "ascii":
            guessed = codec.guess(part.head(len(part)))
            self.encoding = guessed
        if self.encoding == "utf-8" and not self.told_of_utf8:
            self.told_of_utf8 = True
            return [_utf8_accepted(self.declared)]
        return []


@cache
def _utf8_accepted(declared: str) -> Fault:
    return Fault(
        "Y014",
        f"檔案內容為 UTF-8（宣告為 {declared}），仍予收載；上傳格式規定為 Big5。",
        f"The file is UTF-8 (declared {declared}); it is accepted, but the format asks for Big5.",
    )


def _no_end(grammar: Grammar, line: int) -> Fault:
    return Fault(
        "Y007",
        f"檔案缺少 </{grammar.root}>，可能未完整產生或傳送；整份退件，請重新產生。",
        f"The file has no </{grammar.root}>: it was probably cut off. The whole file is rejected; write it again.",
        line=line,
    )


def _no_record(grammar: Grammar, line: int) -> Fault:
    return Fault(
        "Y003",
        f"檔案內沒有任何紀錄（<{grammar.record}>）；請確認是否選錯檔案。",
        f"The file holds no record (<{grammar.record}>); make sure it is the right file.",
        line=line,
    )


def _record_too_long(grammar: Grammar, line: int) -> Fault:
    return Fault(
        "Y003",
        f"由此起 {MAX_RECORD:,} 位元組內沒有 </{grammar.record}>，無法繼續讀取；請重新產生檔案。",
        f"There is no </{grammar.record}> within {MAX_RECORD:,} bytes from here; reading stops, write the file again.",
        line=line,
    )


def _no_dtd(line: int) -> Fault:
    return Fault(
        "Y003",
        "檔案含有 DOCTYPE 宣告，為安全起見不予讀取；請刪除後重傳。",
        "The file has a DOCTYPE declaration and is not read, for safety; remove it and send again.",
        line=line,
    )


def _no_preamble(grammar: Grammar, line: int) -> Fault:
    return Fault(
        "Y002",
        f"<{grammar.root}> 之後缺少 <{grammar.preamble}>；請補上後重傳。",
        f"There is no <{grammar.preamble}> behind <{grammar.root}>; add it and send again.",
        line=line,
    )


def _no_records(grammar: Grammar, faults: list[Fault]) -> Records:
    strings = {scope: dict.fromkeys(grammar.columns(scope), pl.String) for scope in get_args(Scope)}
    numbers = {"record": pl.UInt32, "order": pl.UInt32, "visit": pl.UInt32}
    return Records(
        pl.DataFrame(schema={"record": pl.UInt32, **strings["visit"]}),
        pl.DataFrame(schema={**numbers, **strings["order"]}),
        faults=tuple(faults),
    )


def _wrong_root(head: bytes, family: Family) -> Fault:
    names = [name.decode("ascii", "replace") for name in _ROOT_NAME.findall(head)]
    found = names[0][:40] if names else "?"
    return Fault(
        "Y003",
        f"最外層應為 {'、'.join(f'<{root}>' for root in family.roots)}，讀到的是 <{found}>；"
        f"請確認是{family.document_zh}。",
        f"The outermost element must be {' or '.join(f'<{root}>' for root in family.roots)}, but <{found}> was found; "
        f"make sure this is {family.document_en}.",
        line=1,
    )


_MAGIC: Final = (
    (b"PK\x03\x04", "ZIP 壓縮檔，請先解壓縮", "a ZIP archive: unpack it first"),
    (b"PK\x05\x06", "空的 ZIP 壓縮檔", "an empty ZIP archive"),
    (b"\x1f\x8b", "gzip 壓縮檔，請先解壓縮", "gzip data: unpack it first"),
    (b"Rar!", "RAR 壓縮檔，請先解壓縮", "a RAR archive: unpack it first"),
    (b"7z\xbc\xaf", "7z 壓縮檔，請先解壓縮", "a 7z archive: unpack it first"),
    (b"%PDF", "PDF 文件", "a PDF document"),
    (b"\xff\xfe", "UTF-16 編碼，請改以 Big5 產生", "UTF-16: write it in Big5"),
    (b"\xfe\xff", "UTF-16 編碼，請改以 Big5 產生", "UTF-16: write it in Big5"),
    (b"<\0", "UTF-16 編碼，請改以 Big5 產生", "UTF-16: write it in Big5"),
    (b"\0<", "UTF-16 編碼，請改以 Big5 產生", "UTF-16: write it in Big5"),
)


def _refuse_other_kinds(head: bytes, family: Family) -> None:
    if not head.strip():
        raise UnusableInput("檔案是空的。", "The file is empty.")
    for magic, zh, en in _MAGIC:
        if head.startswith(magic):
            raise UnusableInput(f"這是 {zh}。", f"This is {en}.")
    if not head.lstrip().startswith(b"<"):
        raise UnusableInput(
            f"這不是 XML 檔，無法當作{family.document_zh}讀取。",
            f"This is not XML and cannot be read as {family.document_en}.",
        )
