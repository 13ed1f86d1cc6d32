"""Findings from what reading itself found: structure, encoding, end of file."""

from __future__ import annotations

from functools import cache
from typing import Final

import polars as pl

from nhicard.checks.context import Context
from nhicard.checks.findings import SCHEMA
from nhicard.checks.rule import Severity
from nhicard.checks.official import official
from nhicard.formats.batch import Batch
from nhicard.formats.tables import Edition

# Codes that reject the whole file where the tables give no scope of their own.
_WHOLE_FILE: Final = frozenset({"Y007", "Y014", "Y015"})


def fault_frame(batch: Batch, context: Context) -> pl.DataFrame:
    """One finding for each fault of the batch."""
    rows = [
        {
            "record": fault.record,
            "order": fault.order,
            "field": fault.field,
            "code": fault.code,
            "severity": severity(batch.edition, fault.code, of_record=fault.record is not None, line=fault.line),
            "value": fault.value,
            "line": fault.line,
            "key": None,
            "text_zh": fault.zh,
            "text_en": fault.en,
        }
        for fault in batch.faults
    ]
    return pl.DataFrame(rows, schema=dict(SCHEMA))


def severity(edition: Edition, code: str, *, of_record: bool, line: int | None) -> Severity:
    """Whether a fault rejects the record or the whole file, as the official text says; where it does not,
    a fault outside any record is the file's."""
    if code == "Y014" and not of_record and line is None:
        return "warn"  # readable all the same: UTF-8 under a Big5 prolog
    if code in _WHOLE_FILE or not of_record or code in _file_codes(edition):
        return "file"
    return "reject"


@cache
def _file_codes(edition: Edition) -> frozenset[str]:
    return frozenset(entry.code for entry in official(edition).values() if entry.scope == "file")
