"""The tables that the made-up visits are drawn from (``synthetic/data`` and the shipped reference lists)."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

import polars as pl


@cache
def table(name: str) -> pl.DataFrame:
    """A table of this room: strings, null where empty; a ``weight`` column as Float64."""
    return _read(files(__package__) / "data" / f"{name}.csv")


@cache
def settings(name: str) -> dict[str, Any]:
    """A TOML file of this room."""
    return tomllib.loads((files(__package__) / "data" / f"{name}.toml").read_text(encoding="utf-8"))


@cache
def shipped_codes(name: str, pattern: str, without: str | None = None) -> pl.DataFrame:
    """Codes of a shipped reference list whose code matches the pattern and whose name does not have the word
    ``without``: columns code, name.

    Only entries that hold from the list's first day on, so that they suit a visit of any later day.
    """
    listed = _read(files("nhicard.checks.reference") / "data" / f"{name}.csv")
    if without:
        listed = listed.filter(~pl.col("name_zh").str.contains(without, literal=True))
    return listed.filter(
        pl.col("code").str.contains(pattern) & (pl.col("effective_date") == pl.col("effective_date").min())
    ).select("code", name="name_zh")


def _read(path: Traversable) -> pl.DataFrame:
    frame = pl.read_csv(path.read_bytes(), infer_schema=False)
    return frame.with_columns(pl.col("^(weight|share)$").cast(pl.Float64))
