"""Findings from what reading itself found: structure, encoding, end of file."""

from __future__ import annotations

from typing import Final

import polars as pl

from nhicard.checks.context import Context
from nhicard.checks.findings import SCHEMA
from nhicard.checks.rule import Severity
from nhicard.formats.assumptions import Assumptions
from nhicard.formats.batch import Batch

# Codes that are the file's wherever they stand: what is behind them cannot be trusted either.
_WHOLE_FILE: Final = frozenset({"Y014", "Y015"})


def fault_frame(batch: Batch, context: Context) -> pl.DataFrame:
    """One finding for each fault of the batch."""
    rows = [
        {
            "record": fault.record,
            "order": fault.order,
            "field": fault.field,
            "code": fault.code,
            "severity": severity(fault.code, context.assumptions, of_record=fault.record is not None, line=fault.line),
            "value": fault.value,
            "line": fault.line,
            "key": None,
            "text_zh": fault.zh,
            "text_en": fault.en,
        }
        for fault in batch.faults
    ]
    return pl.DataFrame(rows, schema=dict(SCHEMA))


def severity(code: str, assumptions: Assumptions, *, of_record: bool, line: int | None) -> Severity:
    """Whether a fault rejects the record or the whole file; one outside any record is the file's."""
    if code == "Y014" and not of_record and line is None:
        return "warn"  # readable all the same: UTF-8 under a Big5 prolog
    if code in _WHOLE_FILE or not of_record or assumptions["fault_scopes"].get(code) == "file":
        return "file"
    return "reject"
