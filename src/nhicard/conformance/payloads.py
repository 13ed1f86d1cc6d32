"""The files that cases upload, made from their description in ``data/files.yaml``."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from nhicard.checks.cases.cases import Record
from nhicard.conformance import records
from nhicard.conformance.cases import FINDINGS, request_files, rule_cases
from nhicard.conformance.records import EDITION, Facts
from nhicard.formats.batch import build
from nhicard.formats.writer import write

_BIG5: Final = "big5"


@dataclass(frozen=True, slots=True)
class Payload:
    """A file as it is sent, and the records that it holds."""

    content: bytes
    records: tuple[Record, ...]

    @property
    def orders(self) -> int:
        return sum(len(orders) for _, orders in self.records)


def made(name: str, facts: Facts) -> Payload:
    """The file of that name, new each time. Raises KeyError for an unknown name."""
    if name == FINDINGS:
        pairs = [(case, changes) for _, case in rule_cases() for changes in (case.breaks, case.keeps)]
        return _packed(tuple(records.record(facts, case.base, told, case.family) for case, told in pairs), {})
    entry = request_files()[name]
    return _packed(tuple(_record(facts, each) for each in entry.get("records", ())), entry)


def _record(facts: Facts, told: str | Mapping[str, Any]) -> Record:
    """``name`` of a base record, or ``{base, changes, orders}``: so many copies of its first order."""
    if isinstance(told, str):
        return records.record(facts, told)
    changes = tuple(told.get("changes", "").split(" ; ")) if told.get("changes") else ()
    visit, orders = records.record(facts, told["base"], changes, told.get("family", "bases"))
    if many := told.get("orders"):
        orders = [orders[0] | {"D03": f"{place:03}"} for place in range(1, int(many) + 1)]
    return visit, orders


def _packed(rows: tuple[Record, ...], entry: Mapping[str, Any]) -> Payload:
    content = write(build(EDITION, list(rows))) if rows else b""
    if "bytes" in entry:
        content = str(entry["bytes"]).encode()
    for old, new in entry.get("replace", ()):
        if old.encode() not in content:
            raise ValueError(f"the file has no {old}")
        content = content.replace(old.encode(), str(new).encode(_BIG5), 1)
    if entry.get("as") == "utf-8":
        content = content.decode(_BIG5).encode()
    if entry.get("as") == "zip":
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("upload.xml", content)
        content = packed.getvalue()
    if "raw" in entry:
        old, new = entry["raw"]
        content = content.replace(old.encode(), bytes.fromhex(new), 1)
    if "bytes_of_blanks" in entry:
        content += b" " * int(entry["bytes_of_blanks"])
    return Payload(content, rows)
