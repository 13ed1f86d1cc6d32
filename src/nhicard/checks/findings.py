"""Findings: a frame with a row for each break, and the verdict a record."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

import polars as pl

from nhicard.formats.batch import Encoding
from nhicard.formats.tables import Edition

SCHEMA: Final[Mapping[str, Any]] = {
    "record": pl.UInt32,
    "order": pl.UInt32,
    "field": pl.String,
    "code": pl.String,
    "severity": pl.String,
    "value": pl.String,
    "line": pl.Int64,
    "key": pl.String,
    "text_zh": pl.String,
    "text_en": pl.String,
}
"""Columns of ``Findings.frame``. ``record`` and ``order`` count from 1, null where the finding is the file's or
the visit's. ``key`` is the record's natural key: visit identifier, or visit time and masked ID."""

Verdict = Literal["accepted", "accepted_with_warnings", "rejected"]


@dataclass(frozen=True, slots=True)
class RuleOff:
    """A code that could not be decided for this file, and why.

    ``reason``: ``history``, ``insurer``, ``undecidable`` (see deferred.csv), ``list`` (not loaded), ``uploader``
    or ``keys`` (not given) or ``assumption`` (left open).
    """

    code: str
    reason: str
    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class Findings:
    """What the rules say of one batch."""

    edition: Edition
    encoding: Encoding
    records: int
    orders: int
    accepted: int
    accepted_with_warnings: int
    rejected: int
    rules_off: tuple[RuleOff, ...]
    frame: pl.DataFrame

    def __len__(self) -> int:
        return self.frame.height

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return self.frame.iter_rows(named=True)

    @property
    def codes(self) -> set[str]:
        """The codes found, for a quick look."""
        return set(self.frame["code"].to_list())

    @property
    def whole_file_rejected(self) -> bool:
        """Whether a finding rejects the whole file."""
        return "file" in self.frame["severity"]


def empty_frame() -> pl.DataFrame:
    return pl.DataFrame(schema=dict(SCHEMA))


@dataclass(slots=True)
class Tally:
    """Running counts over the slices of one file."""

    records: int = 0
    orders: int = 0
    accepted: int = 0
    accepted_with_warnings: int = 0
    rejected: int = 0
    whole_file_rejected: bool = False

    def add(self, findings: Findings) -> None:
        self.records += findings.records
        self.orders += findings.orders
        self.accepted += findings.accepted
        self.accepted_with_warnings += findings.accepted_with_warnings
        self.rejected += findings.rejected
        self.whole_file_rejected |= findings.whole_file_rejected

    def settle(self) -> None:
        """A finding of severity ``file`` rejects every record of the file."""
        if self.whole_file_rejected:
            self.accepted = self.accepted_with_warnings = 0
            self.rejected = self.records


def join(frames: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """Findings frames as one, in file order: by record, then the visit's before its orders'."""
    parts = [frame for frame in frames if frame.height]
    if not parts:
        return empty_frame()
    return pl.concat(parts).sort("record", "order", "line", "field", "code", nulls_last=False, maintain_order=True)
