"""The elements of claim files, as packaged data, and what each is in the language that rules speak.

Source: public implementations, as each row's ``basis`` says (``x3``: three of them agree; ``inferred``; ``not-found``:
the element exists or may exist, but no source says what it is; ``assumption:NAME``: where it stands is assumed).
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Final, Literal

from nhicard.formats import assumptions as choices
from nhicard.formats import rocdate
from nhicard.formats.assumptions import Assumptions
from nhicard.formats.grammar import Grammar

Kind = Literal["outpatient", "inpatient", "pharmacy"]
KINDS: Final[tuple[Kind, ...]] = ("outpatient", "inpatient", "pharmacy")
Level = Literal["t", "d", "p"]
Form = Literal[
    "text", "code", "number", "amount", "date", "month", "minute", "birth", "id", "staff", "institution", "identifier"
]
_PLACES: Final = "claim_identifier_elements"  # the assumption that gives some elements their ids
_IN_HEAD: Final[Mapping[Kind, frozenset[str]]] = {
    "outpatient": frozenset({"d1", "d2"}),
    "inpatient": frozenset({"d1", "d2"}),
    "pharmacy": frozenset(f"d{n}" for n in (*range(1, 10), *range(13, 19), *range(20, 26))),
}
_NAMES: Final[Mapping[Kind, tuple[str, str]]] = {
    "outpatient": ("門診申報檔", "an outpatient claim"),
    "inpatient": ("住院申報檔", "an inpatient claim"),
    "pharmacy": ("交付機構（藥局）申報檔", "a pharmacy claim"),
}


@dataclass(frozen=True, slots=True)
class Element:
    """One element of a kind of claim file.

    ``level``: ``t`` once a file, ``d`` once a case, ``p`` once an order. ``type``: ``9`` digits, ``X`` text. ``length``
    in bytes of Big5, None where no source gives it. ``values``: the codes that it may hold, empty for any.
    ``since``: the first day of visits for which it may be sent. ``role``: what it is, the same word for every kind
    (``person``, ``claimed``, ``order_points`` …), empty where no rule speaks of it.
    """

    id: str
    level: Level
    name_zh: str
    name_en: str
    type: Literal["9", "X"]
    length: int | None
    decimals: int
    form: Form
    values: tuple[str, ...]
    required: bool
    since: date | None
    role: str
    basis: str


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """All elements of one kind by id, the ids by role, and the grammar by which files of it are read."""

    kind: Kind
    elements: Mapping[str, Element]
    roles: Mapping[str, str]
    grammar: Grammar
    name_zh: str
    name_en: str

    def ids(self, level: Level) -> tuple[str, ...]:
        """The ids of one level, in the table's order: the columns of one frame of ``Claims``."""
        return tuple(each.id for each in self.elements.values() if each.level == level)


@cache
def _default() -> Assumptions:
    return choices.load()


def table(kind: Kind, assumptions: Assumptions | None = None) -> Table:
    """The table of a kind, with assumed elements where ``assumptions`` (default: the packaged ones) put them.

    Raises ValueError when the assumptions put two elements in one place.
    """
    return _table(kind, assumptions or _default())


@cache
def _table(kind: Kind, assumptions: Assumptions) -> Table:
    found: dict[str, Element] = {}
    for element in _elements(kind, assumptions):
        if element.id in found and found[element.id].basis != "not-found":
            raise ValueError(f"two elements of {kind} claims have the id {element.id}; see claim_identifier_elements")
        found[element.id] = element
    places = {"t": "tdata", "p": "pdata"}
    name_zh, name_en = _NAMES[kind]
    grammar = Grammar(
        name=kind,
        root=kind,
        record="ddata",
        head="dhead",
        body="dbody",
        visit="dbody",
        order="pdata",
        preamble="tdata",
        segments={
            each.id: places.get(each.level) or ("dhead" if each.id in _IN_HEAD[kind] else "dbody")
            for each in found.values()
        },
        document_zh=name_zh,
        document_en=name_en,
        mixed=kind == "pharmacy",  # one source only, and its own versions differ
    )
    roles = MappingProxyType({each.role: each.id for each in found.values() if each.role})
    return Table(kind, MappingProxyType(found), roles, grammar, name_zh, name_en)


def _elements(kind: Kind, assumptions: Assumptions) -> Iterator[Element]:
    """The rows of a kind; an assumed element has the id that the assumption gives it, or is left out."""
    for row in _rows():
        if row["kind"] != kind:
            continue
        own = row["id"]
        if row["basis"] == f"assumption:{_PLACES}":
            own = assumptions[_PLACES][own]
            if not own:
                continue
        yield Element(
            id=own,
            level=own[0],  # type: ignore[arg-type]
            name_zh=row["name_zh"],
            name_en=row["name_en"],
            type=row["type"],  # type: ignore[arg-type]
            length=int(row["length"]) if row["length"] else None,
            decimals=int(row["decimals"] or 0),
            form=row["form"],  # type: ignore[arg-type]
            values=tuple(row["values"].split("|")) if row["values"] else (),
            required=row["required"] == "always",
            since=rocdate.parse_date(row["since"]) if row["since"] else None,
            role=row["role"],
            basis=row["basis"],
        )


@cache
def _rows() -> tuple[dict[str, str], ...]:
    text = (files(__package__) / "data" / "elements.csv").read_text(encoding="utf-8")
    return tuple(csv.DictReader(text.splitlines()))
