"""Findings and rankings for spreadsheets and programs: CSV, Excel, JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import IO, Any, Final

import polars as pl

from nhicard.institution.results.result import Result

# A spreadsheet runs a text that begins so as a formula, wherever it came from.
_FORMULA: Final = r"^(?:[=+@\t\r]|-[^0-9.]|-.*[^0-9.])"
_FACTS: Final = (
    "source",
    "edition",
    "institution",
    "sam",
    "receipt",
    "kind",
    "uploaded_at",
    "checked_at",
    "size",
    "records",
    "orders",
    "accepted",
    "accepted_orders",
    "rejected",
)


def facts(result: Result) -> dict[str, Any]:
    """What a result says besides its findings; times as ISO 8601."""
    values = {name: getattr(result, name) for name in _FACTS}
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in (values | {"rejected_found": result.rejected_found}).items()
    }


def csv_text(frame: pl.DataFrame) -> str:
    """The frame as CSV; a text that a spreadsheet would run as a formula gets an apostrophe in front."""
    texts = [name for name, dtype in frame.schema.items() if dtype == pl.String]
    harmless = [
        pl.when(pl.col(name).str.contains(_FORMULA)).then("'" + pl.col(name)).otherwise(pl.col(name)).alias(name)
        for name in texts
    ]
    return frame.with_columns(harmless).write_csv()


def json_rows(frame: pl.DataFrame) -> list[dict[str, Any]]:
    """The rows as JSON values; dates and times as ISO 8601."""
    rows: list[dict[str, Any]] = [json.loads(line) for line in frame.write_ndjson().splitlines()]
    return rows


def write_workbook(target: Path | IO[bytes], sheets: Iterable[tuple[str, pl.DataFrame]]) -> None:
    """One Excel workbook with a sheet a frame; every text is a text, never a formula, link or number."""
    from xlsxwriter import Workbook  # type: ignore[import-untyped]  # loaded only for Excel

    options = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with Workbook(target, options) as book:
        for name, frame in sheets:
            if frame.width:
                frame.write_excel(book, worksheet=name, freeze_panes=(1, 0), column_widths=110, float_precision=4)
