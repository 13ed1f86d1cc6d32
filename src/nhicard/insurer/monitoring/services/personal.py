"""Hiding whom a record is about, until somebody asks and the asking is written down."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import files
from typing import Final

import polars as pl

from nhicard.identity import national_id

_ID: Final = re.compile(r"(?<![0-9A-Za-z])[A-Za-z][0-9A-Za-z]{6}[0-9]{3}(?![0-9A-Za-z])")
_ROWS: Final = files("nhicard.insurer.monitoring") / "data" / "personal_fields.csv"


def masked_id(value: str) -> str:
    """``A******789``."""
    return str(pl.select(national_id.mask(pl.lit(value))).item())


def masked_ids(values: list[str]) -> list[str]:
    """The same of many at once."""
    return (
        pl.DataFrame({"id": pl.Series(values, dtype=pl.String)}).select(national_id.mask(pl.col("id")))["id"].to_list()
    )


def masked_value(edition: str, field: str, value: str) -> str:
    """The value of a field as it may be shown to anybody who sees the record: IDs, births and telephones hidden.

    IDs hide in any field: what was sent in the wrong place stays hidden too.
    """
    return _HIDING[_fields().get((edition, field), "text")](value)


def _without_ids(value: str) -> str:
    return _ID.sub(lambda found: masked_id(found[0]), value)


_HIDING: Final[Mapping[str, Callable[[str], str]]] = {
    "id": masked_id,
    "birth": lambda value: f"{value[:3]}****" if len(value) > 3 else "****" if value else "",
    "all": lambda value: "****" if value else "",
    "text": _without_ids,
}


@cache
def _fields() -> Mapping[tuple[str, str], str]:
    with _ROWS.open(encoding="utf-8") as stream:
        return {(row["edition"], row["field"]): row["hides"] for row in csv.DictReader(stream)}
