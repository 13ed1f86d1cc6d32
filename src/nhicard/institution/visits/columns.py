"""The columns in which an institution tells its visits: plain names, and the fields of both editions behind them.

The table is ``data/visit_columns.csv``; fields are named in the tables of the official formats.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Literal

import polars as pl

from nhicard.formats.tables import Edition

Owner = Literal["visit", "order"]
FormName = Literal["text", "code", "roc date", "roc time", "money", "count", "quantity"]


@dataclass(frozen=True, slots=True)
class Column:
    """One column. ``of``: whether it tells of the visit or of an order. ``field20``, ``field10``: its field in either
    edition, empty where there is none. ``form``: what its values look like; ``values``: the 2.0 code table that they
    come from, if any."""

    column: str
    of: Owner
    field20: str
    field10: str
    name_zh: str
    name_en: str
    form: FormName
    values: str
    example: str
    note: str

    def field(self, edition: Edition) -> str:
        """Its field in that edition, empty where there is none."""
        return self.field20 if edition == "2.0" else self.field10


def table(name: str) -> pl.DataFrame:
    """A table of this room (``data/<name>.csv``): strings, empty ones as such."""
    content = (files("nhicard.institution") / "data" / f"{name}.csv").read_bytes()
    return pl.read_csv(content, infer_schema=False).fill_null("")


@cache
def columns() -> Mapping[str, Column]:
    """All columns by name, in the order of the 2.0 fields."""
    return MappingProxyType({row["column"]: Column(**row) for row in table("visit_columns").iter_rows(named=True)})


@cache
def names(of: Owner) -> tuple[str, ...]:
    """Names of the visit's or the order's columns."""
    return tuple(each.column for each in columns().values() if each.of == of)


@cache
def by_field(edition: Edition, of: Owner) -> Mapping[str, str]:
    """The column behind each field of an edition, for those that have one."""
    return MappingProxyType(
        {each.field(edition): each.column for each in columns().values() if each.of == of and each.field(edition)}
    )


def carried_by_10(of: Owner) -> tuple[str, ...]:
    """Columns of 2.0 that edition 1.0 carries too, if not always with each of their values (``code_pairs``)."""
    return tuple(each.column for each in columns().values() if each.of == of and each.field20 and each.field10)
