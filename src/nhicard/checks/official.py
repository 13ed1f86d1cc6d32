"""The official error codes of both editions, as the tables give them."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import as_file, files

from nhicard.formats.tables import Edition

# Codes that edition 1.0 needs and its own list lacks are those of 2.0, with the reason why.
_FILES: Mapping[Edition, tuple[str, ...]] = {"1.0": ("errors10.csv", "errors10_later.csv"), "2.0": ("errors20.csv",)}


@dataclass(frozen=True, slots=True)
class OfficialCode:
    """One row of an error table. ``needs``: what a decision takes (record, order, file, reference-data,
    history, crypto; empty for 1.0, whose table does not say); ``scope``: ``file`` where 1.0 rejects the file."""

    edition: Edition
    code: str
    meaning_zh: str
    fields: tuple[str, ...]
    rule: str
    needs: str
    scope: str
    basis: str
    severity: str
    severity_note: str


@cache
def official(edition: Edition) -> Mapping[str, OfficialCode]:
    """All codes of the edition's error table by code."""
    return {entry.code: entry for name in _FILES[edition] for entry in _entries(edition, name)}


def _entries(edition: Edition, name: str) -> Iterator[OfficialCode]:
    with (
        as_file(files(__package__) / "data" / name) as path,
        path.open(encoding="utf-8", newline="") as lines,
    ):
        for row in csv.DictReader(lines):
            yield OfficialCode(
                edition=edition,
                code=row["code"],
                meaning_zh=row["meaning_zh"],
                fields=tuple(row["fields"].split(";")) if row["fields"] else (),
                rule=row["rule"],
                needs=row.get("needs", ""),
                scope=row.get("scope", ""),
                basis=row.get("basis", row.get("fields_basis", "")),
                severity=row.get("severity", "reject"),
                severity_note=row.get("severity_note", ""),
            )
