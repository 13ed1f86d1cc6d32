"""The official tables, as packaged data: fields, codes and the requirement matrix of both editions.

Sources: edition 1.0 from the 104.11.16 specification (Annexes 1 to 3) with the later fields A55 and
A57-A59; edition 2.0 from the public field and error list. Each row's ``basis`` says what it rests on.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import as_file, files
from types import MappingProxyType
from typing import Literal

Edition = Literal["1.0", "2.0"]
Segment = Literal["MSH", "MB1", "MB2"]
EDITIONS: tuple[Edition, ...] = ("1.0", "2.0")

_FIELD_FILES: Mapping[Edition, tuple[str, ...]] = {
    "1.0": ("fields10.csv", "fields10_later.csv"),
    "2.0": ("fields20.csv",),
}
_CODE_FILES: Mapping[Edition, tuple[str, ...]] = {
    "1.0": ("codes10.csv", "codes10_later.csv"),
    "2.0": ("codes20.csv",),
}


@dataclass(frozen=True, slots=True)
class Field:
    """One field of an edition.

    ``type`` is ``"9"`` (digits), ``"X"`` (text) or ``""`` (unknown); ``length`` is in bytes of Big5, or None
    where no source gives it; ``decimals`` is the number of digits after the point.
    """

    id: str
    segment: Segment
    name_zh: str
    name_en: str
    type: str
    length: int | None
    decimals: int | None
    data_type: str
    basis: str
    note: str


@dataclass(frozen=True, slots=True)
class Code:
    """One entry of a code table; ``attr`` holds what the tables say of it beyond its name."""

    table: str
    code: str
    name_zh: str
    name_en: str
    attr: str
    basis: str


def rows(name: str) -> Iterator[dict[str, str]]:
    """The rows of a packaged CSV of this room, as dicts."""
    with as_file(files(__package__) / "data" / name) as path, path.open(encoding="utf-8", newline="") as lines:
        yield from csv.DictReader(lines)


@cache
def fields(edition: Edition) -> Mapping[str, Field]:
    """All fields of an edition by id, in official order (later fields after the original ones)."""
    return MappingProxyType(
        {
            row["id"]: Field(
                id=row["id"],
                segment=row["segment"],  # type: ignore[arg-type]
                name_zh=row["name_zh"],
                name_en=row["name_en"],
                type=row["type"],
                length=int(row["length"]) if row["length"] else None,
                decimals=int(row["decimals"]) if row["decimals"] else None,
                data_type=row.get("data_type", "both"),
                basis=row["basis"],
                note=row["note"],
            )
            for name in _FIELD_FILES[edition]
            for row in rows(name)
        }
    )


@cache
def visit_fields(edition: Edition) -> tuple[str, ...]:
    """Ids of the fields of MSH and MB1: the columns of ``Batch.visits``."""
    return tuple(f.id for f in fields(edition).values() if f.segment != "MB2")


@cache
def order_fields(edition: Edition) -> tuple[str, ...]:
    """Ids of the fields of MB2: the columns of ``Batch.orders``."""
    return tuple(f.id for f in fields(edition).values() if f.segment == "MB2")


@cache
def codes(edition: Edition, table: str) -> Mapping[str, Code]:
    """One code table (``"A23"``, ``"M13-abnormal"`` …) by code; raises KeyError for an unknown table."""
    return _code_tables(edition)[table]


@cache
def _code_tables(edition: Edition) -> Mapping[str, Mapping[str, Code]]:
    tables: dict[str, dict[str, Code]] = {}
    for name in _CODE_FILES[edition]:
        for row in rows(name):
            entry = Code(
                table=row["table"],
                code=row["code"],
                name_zh=row["name_zh"],
                name_en=row["name_en"],
                attr=row["attr"],
                basis=row["basis"],
            )
            tables.setdefault(entry.table, {})[entry.code] = entry
    return MappingProxyType({name: MappingProxyType(table) for name, table in tables.items()})


def code_tables(edition: Edition) -> tuple[str, ...]:
    """Names of an edition's code tables."""
    return tuple(_code_tables(edition))


_FORM_FILES: Mapping[Edition, str] = {"1.0": "forms10.csv", "2.0": "forms20.csv"}
Kind = Literal["code", "date", "time", "number", "amount", "quantity", "id", "text"]
LengthRule = Literal["exact", "max", "decimal", ""]


@dataclass(frozen=True, slots=True)
class Form:
    """What a field's value must look like.

    ``length_rule``: ``exact`` or at most the field's length; ``decimal`` asks for a decimal point as well; empty
    where the length is unknown. ``pattern``: a regular expression of the allowed characters, or ``ascii``.
    ``values``: a code table, or a range such as ``1-9``.
    """

    field: str
    form: Kind
    length_rule: LengthRule
    pattern: str
    values: str
    basis: str


@cache
def forms(edition: Edition) -> Mapping[str, Form]:
    """The form of every field of an edition."""
    return MappingProxyType({row["field"]: Form(**row) for row in rows(_FORM_FILES[edition])})  # type: ignore[arg-type]
