"""What the rules say of one claim file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import polars as pl

from nhicard.checks.findings import RuleOff
from nhicard.formats.batch import Encoding
from nhicard.formats.claims.tables import Kind

SCHEMA: Final[Mapping[str, Any]] = {
    "case": pl.UInt32,
    "order": pl.UInt32,
    "element": pl.String,
    "code": pl.String,
    "severity": pl.String,
    "value": pl.String,
    "line": pl.Int64,
    "key": pl.String,
    "text_zh": pl.String,
    "text_en": pl.String,
}
"""Columns of ``ClaimFindings.frame``. ``case`` and ``order`` count from 1; null where the finding is the file's or the
case's. ``key`` is what a clerk finds the case by: category and serial number, day of the visit and masked ID."""


@dataclass(frozen=True, slots=True)
class ClaimFindings:
    """All findings, in file order; ``rules_off`` are the rules that could not be decided, and why."""

    kind: Kind
    encoding: Encoding
    cases: int
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
        """The codes found."""
        return set(self.frame["code"].to_list())

    @property
    def whole_file_rejected(self) -> bool:
        """Whether a finding is about the whole file and rejects it."""
        return "file" in self.frame["severity"]
