"""The packaged tables of the register: what 特約類別 means, what a code's first two characters say, the divisions."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import polars as pl


@cache
def table(name: str) -> pl.DataFrame:
    """``data/<name>.csv`` with every column as text."""
    return pl.read_csv((files(__package__) / "data" / f"{name}.csv").read_bytes(), infer_schema=False)


@cache
def pairs(name: str, key: str, value: str) -> dict[str, str]:
    """One column of a table by another."""
    return dict(table(name).select(key, value).rows())
