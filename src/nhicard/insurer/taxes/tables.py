"""The packaged tables: kinds of payment, columns of files, what each document adds up."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of payment. ``may_be_negative``: it takes back what was paid before."""

    code: str
    zh: str
    en: str
    may_be_negative: bool


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a file, by its heading; ``form``: a reader in ``services.files``."""

    heading: str
    field: str
    form: str


@dataclass(frozen=True, slots=True)
class DocumentKind:
    """A document: the day of a payment that decides its year and its row, and what a row adds up."""

    code: str
    zh: str
    en: str
    year_of: str
    row_of: str
    rows_zh: str
    measures: tuple[str, ...]
    note_zh: str


@cache
def kinds() -> Mapping[str, Kind]:
    """By code."""
    return {
        row["code"]: Kind(row["code"], row["zh"], row["en"], row["may_be_negative"] == "yes") for row in _rows("kinds")
    }


@cache
def columns(file: str) -> tuple[Column, ...]:
    """Of ``payments`` or ``owners``, in the order of the layout."""
    return tuple(Column(row["column"], row["field"], row["form"]) for row in _rows("columns") if row["file"] == file)


@cache
def measures() -> Mapping[str, tuple[str, str]]:
    """Chinese and English headings by name."""
    return {row["name"]: (row["zh"], row["en"]) for row in _rows("measures")}


@cache
def documents() -> Mapping[str, DocumentKind]:
    """By code, in the order in which they are shown."""
    found = {}
    for row in _rows("documents"):
        names = tuple(row.pop("measures").split())
        found[row["code"]] = DocumentKind(**row, measures=names)
    return found


def _rows(name: str) -> list[dict[str, str]]:
    with (files(__package__) / "data" / f"{name}.csv").open(encoding="utf-8") as stream:
        return list(csv.DictReader(stream))
