"""Codes that are registered but cannot be decided from a file and lists: each with the reason why."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import as_file, files
from typing import Final, Literal

from nhicard.formats.tables import Edition

Reason = Literal["history", "insurer", "undecidable"]
_REASONS: Final[dict[str, tuple[str, str]]] = {
    "history": ("需比對保險人已收載的紀錄", "needs the records that the insurer already holds"),
    "insurer": ("需保險人端的狀態", "needs the insurer's own state"),
    "undecidable": ("公開資料未載明條件", "the public sources do not state the condition"),
}


@dataclass(frozen=True, slots=True)
class Deferred:
    """A code without an implementation. ``reason``: what it waits for; ``note``: what in particular."""

    edition: Edition
    code: str
    reason: Reason
    note_zh: str
    note_en: str

    @property
    def zh(self) -> str:
        return _REASONS[self.reason][0] + (f"：{self.note_zh}" if self.note_zh else "")

    @property
    def en(self) -> str:
        return _REASONS[self.reason][1] + (f": {self.note_en}" if self.note_en else "")


@cache
def deferred(edition: Edition) -> tuple[Deferred, ...]:
    """The deferred codes of an edition, from ``data/deferred.csv``."""
    with (
        as_file(files(__package__) / "data" / "deferred.csv") as path,
        path.open(encoding="utf-8", newline="") as lines,
    ):
        return tuple(
            Deferred(edition, row["code"], row["reason"], row["note_zh"], row["note_en"])  # type: ignore[arg-type]
            for row in csv.DictReader(lines)
            if row["edition"] == edition
        )
