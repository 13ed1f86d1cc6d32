"""What came back: an HTTP answer, and a result text taken apart without any tolerance."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

import httpx

RULE: Final = "=" * 75
_BRACKET: Final = re.compile(r"\[([^\[\]]*)\]")
_NUMBER: Final = re.compile(r"第\[(\d+)\]筆")
_SHOWN: Final = re.compile(r"([A-Z]\d{2})=\[([^\[\]]*)\]")
_ITEM: Final = re.compile(r"(?:(\*|[A-Z][A-Z0-9]\d|MSH)(?:\[(\d+)\])?:([0-9A-Z]{1,8});)")
_REASON: Final = "錯誤原因:"
#: Keys whose values are about a person or open a card: no report shows them.
_PRIVATE: Final = frozenset(
    {"hcid", "hcidno", "hpcid", "hpcidno", "idno", "idcardnum", "name", "birthday", "cardsn", "cardid", "sex", "token"}
)


def told(key: str, value: Any) -> str:
    """A value of a reply for a report: nothing of a person, and not more than sixty characters."""
    if key.lower() in _PRIVATE and value:
        return "…"
    text = str(value)
    return text if len(text) <= 60 else f"{text[:48]}…"


@dataclass(frozen=True)
class Answer:
    """An HTTP answer. ``http`` is 0 where none came; ``body`` is its JSON object, empty where it is none."""

    http: int
    content_type: str
    text: str
    body: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, response: httpx.Response) -> Answer:
        try:
            body = response.json()
        except ValueError:
            body = None
        kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        return cls(response.status_code, kind, response.text, body if isinstance(body, dict) else {})

    def value(self, key: str) -> Any:
        """The value of a key in whatever case; None where there is none."""
        return next((value for name, value in self.body.items() if name.lower() == key.lower()), None)

    @property
    def code(self) -> str:
        """``rtnCode`` as four digits, for a success may be the number 0."""
        code = self.value("rtnCode")
        return f"{code:04}" if isinstance(code, int) and not isinstance(code, bool) else str(code)

    def shown(self) -> str:
        """The answer for a report, short, without what is long in it."""
        if not self.http:
            return self.text
        if not self.body:
            return f"HTTP {self.http} {self.content_type} {self.text[:80]!r}"
        parts = ", ".join(f"{name}: {told(name, value)}" for name, value in self.body.items())
        return f"HTTP {self.http} {{{parts}}}"


@dataclass(frozen=True)
class ResultBlock:
    """The block of a faulty record (``record`` None: of the file itself)."""

    record: int | None
    shown: Mapping[str, str]
    items: frozenset[str]
    strange: tuple[str, ...]


@dataclass(frozen=True)
class ResultText:
    """A result as it came, decoded; what does not fit the layout is in ``strange`` of its block."""

    content: bytes

    @classmethod
    def of(cls, answer: Answer) -> ResultText | None:
        """The result in a download's answer; None where there is none."""
        packed = answer.value("tx_result_json")
        try:
            content = base64.b64decode(packed, validate=True) if isinstance(packed, str) and packed else None
        except binascii.Error:
            return None
        return cls(content) if content else None

    @cached_property
    def text(self) -> str:
        """Decoded as Big5, else as UTF-8, else with marks."""
        for encoding in ("big5", "utf-8"):
            try:
                return self.content.decode(encoding)
            except UnicodeDecodeError:
                continue
        return self.content.decode("big5", "replace")

    @property
    def is_big5(self) -> bool:
        try:
            self.content.decode("big5")
        except UnicodeDecodeError:
            return False
        return True

    @cached_property
    def parts(self) -> list[str]:
        """Heading and blocks, parted at the lines of ``=``."""
        return [part.strip("\r\n") for part in re.split(r"(?m)^={10,}\r?$", self.text)]

    @property
    def rules(self) -> list[str]:
        """The lines that part blocks."""
        return [line for line in self.text.splitlines() if re.fullmatch("={10,}", line)]

    @property
    def brackets(self) -> list[str]:
        """The bracketed values of the heading, in their order."""
        return _BRACKET.findall(self.parts[0])

    @cached_property
    def blocks(self) -> list[ResultBlock]:
        return [_block(part) for part in self.parts[1:]]

    def items_of(self, record: str) -> frozenset[str]:
        """``FIELD:CODE`` and ``FIELD[order]:CODE`` of a record's number, of the ``file`` itself, or of ``any``."""
        return frozenset(
            item
            for block in self.blocks
            if record == "any" or record == str(block.record or "file")
            for item in block.items
        )


def _block(part: str) -> ResultBlock:
    record, shown, strange = None, {}, []
    items: set[str] = set()
    in_reasons = False
    for line in part.splitlines():
        if number := _NUMBER.fullmatch(line):
            record = int(number[1])
        elif not in_reasons and (value := _SHOWN.fullmatch(line)):
            shown[value[1]] = value[2]
        elif line == _REASON:
            in_reasons = True
        elif in_reasons and re.fullmatch(rf"(?:{_ITEM.pattern})+", line):
            items |= {match[0].rstrip(";") for match in _ITEM.finditer(line)}
        else:
            strange.append(line)
    return ResultBlock(record, shown, frozenset(items), tuple(strange))
