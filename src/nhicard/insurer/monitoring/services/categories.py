"""Names of visit categories as the report prints them; those that it does not name have their own names."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Final

from nhicard.formats.tables import codes

_ROWS: Final = files("nhicard.insurer.monitoring") / "data" / "categories.csv"


@cache
def names() -> Mapping[str, tuple[str, str]]:
    """Chinese and English name by code: of the report first, then of edition 2.0, then of 1.0."""
    known = {
        code: (entry.name_zh, entry.name_en)
        for edition, table in (("1.0", "A23"), ("2.0", "M07"))
        for code, entry in codes(edition, table).items()
    }
    with _ROWS.open(encoding="utf-8") as stream:
        return known | {row["code"]: (row["zh"], row["en"]) for row in csv.DictReader(stream)}


def label(code: str, *, english: bool) -> str:
    """``01-西醫門診``; a code that no table knows stands alone."""
    found = names().get(code)
    return f"{code}-{found[english]}" if found else code
