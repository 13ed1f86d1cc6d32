"""The shape of a flat file, as a table: which elements hold records, and which fields stand in which element.

Upload files of both editions and the three kinds of claim files are of one shape: a root holds records; a record
holds a head and a body; fields stand in the head, in the body (or in one element of it) and in the orders, which
repeat. Both readers and everything between them take the names from here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Final, Literal

from nhicard.formats.tables import Edition, fields

DONE: Final = -2  # of a tag: it ends the record
NO_TAG: Final = -1

HEAD, VISIT, ORDER = 0, 1, 2
Tags = dict[str, int]


@dataclass(frozen=True, slots=True, eq=False)
class Grammar:
    """One kind of file. ``segments`` gives, in official order, the element in which each field stands.

    ``visit`` is the element with the record's own fields: one within ``body``, or ``body`` itself; then the orders
    stand among those fields. ``preamble`` is an element that stands once, before the records, and may be None.
    ``document_zh`` and ``document_en`` name the kind of file to its users. ``mixed``: fields of head and body may stand
    in either, because the sources do not agree on where they belong.
    """

    name: str
    root: str
    record: str
    head: str
    body: str
    visit: str
    order: str
    preamble: str | None
    segments: Mapping[str, str]
    document_zh: str
    document_en: str
    mixed: bool = False
    patterns: Patterns = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "patterns", Patterns.of(self.root, self.record))

    @property
    def structure(self) -> tuple[str, ...]:
        """The names of all elements that are no fields."""
        return tuple(
            dict.fromkeys(
                name
                for name in (self.root, self.preamble, self.record, self.head, self.body, self.visit, self.order)
                if name
            )
        )

    def columns(self, scope: Literal["visit", "order"]) -> tuple[str, ...]:
        """Field ids of one of the two frames."""
        places = (self.order,) if scope == "order" else (self.head, self.visit)
        return tuple(name for name, place in self.segments.items() if place in places)

    def states(self) -> list[tuple[int, Tags]]:
        """The record as a machine: for each state the fields it takes (HEAD, VISIT, ORDER or -1) and its tags.

        A tag is written as between ``<`` and ``>`` and leads to another state, or to DONE.
        """
        before: list[tuple[int, Tags]] = [
            (-1, {self.record: 1}),
            (-1, {self.head: 2}),
            (VISIT if self.mixed else HEAD, {f"/{self.head}": 3}),
            (-1, {self.body: 4}),
        ]
        if self.visit == self.body:
            return [
                *before,
                (VISIT, {self.order: 5, f"/{self.body}": 6}),
                (ORDER, {f"/{self.order}": 4}),
                (-1, {f"/{self.record}": DONE}),
            ]
        return [
            *before,
            (-1, {self.visit: 5}),
            (VISIT, {f"/{self.visit}": 6}),
            (-1, {self.order: 7, f"/{self.body}": 8}),
            (ORDER, {f"/{self.order}": 6}),
            (-1, {f"/{self.record}": DONE}),
        ]

    def segment_number(self, field_id: str) -> int:
        """HEAD, VISIT or ORDER of a field that stands in a record."""
        head = VISIT if self.mixed else HEAD
        return {self.head: head, self.visit: VISIT, self.order: ORDER}[self.segments[field_id]]

    def allows(self, field_id: str, element: str) -> bool:
        """Whether a known field may stand in the element."""
        place = self.segments[field_id]
        either = (self.head, self.visit)
        return place == element or (self.mixed and place in either and element in either)


@dataclass(frozen=True, slots=True)
class Patterns:
    """What tells the places of a file where the kernel does not read on."""

    record_start: re.Pattern[bytes]
    end: re.Pattern[bytes]
    again: re.Pattern[bytes]
    resume: re.Pattern[bytes]
    token: re.Pattern[bytes]  # comments, CDATA, instructions, tags of root and record

    @classmethod
    def of(cls, root: str, record: str) -> Patterns:
        """The patterns for a file's root and record element."""
        r, e = re.escape(root).encode(), re.escape(record).encode()
        either = rb"(?:%b|%b)" % (r, e)
        return cls(
            record_start=re.compile(rb"<%b(?=[\s/>])" % e),
            end=re.compile(rb"</%b\s*>" % r),
            again=re.compile(rb"<%b(?:\s[^<>]*+)?>" % r),  # no further than the next tag: it is tried at every one
            resume=re.compile(rb"<%b(?=[\s/>])|</%b\s*>|<!--|<\?" % (either, r)),
            token=re.compile(
                rb"<!--.*?(?:-->|\Z)|<!\[CDATA\[.*?(?:\]\]>|\Z)|<\?.*?(?:\?>|\Z)|</?%b(?=[\s/>])[^>]*(?:>|\Z)" % either,
                re.DOTALL,
            ),
        )


@cache
def visits(edition: Edition) -> Grammar:
    """The grammar of an edition of the upload format."""
    return Grammar(
        name=edition,
        root="RECS",
        record="REC",
        head="MSH",
        body="MB",
        visit="MB1",
        order="MB2",
        preamble=None,
        segments={known.id: known.segment for known in fields(edition).values()},
        document_zh="健保卡資料上傳檔",
        document_en="an upload file",
    )
