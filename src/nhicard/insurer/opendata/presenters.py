"""What the page shows, in the language of the request."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

import polars as pl

from nhicard.insurer.incentives.presenters import is_english, item_name
from nhicard.insurer.incentives.scheme import INSTITUTIONS, Scheme
from nhicard.insurer.opendata.services import store
from nhicard.insurer.opendata.tables import COLUMNS, FILES, english
from nhicard.insurer.portal.texts import text

#: Days that the page offers; the API tells all.
HISTORY: Final = 366


def place(name: str) -> str:
    """A division or county."""
    return english().get(name, name) if is_english() else name


def choices(rows: pl.DataFrame, key: str, name: str) -> list[tuple[str, str]]:
    """Values of a column with what they are called, in order."""
    found = rows.select(pl.col(key).alias("key"), pl.col(name).alias("name")).unique().filter(pl.col("key") != "")
    return [(value, place(told)) for value, told in found.sort("key").iter_rows()]


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the list."""

    division: str
    county: str
    code: str
    name: str
    item: str
    item_name: str


def rows(found: pl.DataFrame, scheme: Scheme) -> list[Row]:
    """Rows with names of places and items in the language of the page."""
    english_names = {item.code: item_name(item) for item in scheme.items} if is_english() else {}
    return [
        Row(place(division), place(county), code, name, item, english_names.get(item, told))
        for _, division, county, code, name, item, told in found.select(COLUMNS).iter_rows()
    ]


@dataclass(frozen=True, slots=True)
class File:
    """A file to download."""

    name: str
    about: str
    size: str
    digest: str


def files(release: Path) -> list[File]:
    """The files of a release with size and digest."""
    return [
        File(
            name,
            text(f"opendata.about.{name}"),
            _size((release / name).stat().st_size),
            _digest(release / name),
        )
        for name in FILES
    ]


@lru_cache(maxsize=64)
def _digest(file: Path) -> str:
    return store.digest(file.read_bytes())


def _size(number: int) -> str:
    return f"{number / 1024:,.1f} KB" if number < 1024 * 1024 else f"{number / 1024 / 1024:,.1f} MB"


@dataclass(frozen=True, slots=True)
class Code:
    """What a code means; ``kinds``: whether each kind of institution can have it."""

    code: str
    name: str
    points: str
    kinds: tuple[bool, ...]


def codes(scheme: Scheme) -> list[Code]:
    """The table of items."""
    return [
        Code(
            item.code,
            item_name(item),
            f"{item.points:,}" if item.points else "",
            tuple(kind in item.earned_by for kind in INSTITUTIONS),
        )
        for item in scheme.items
    ]


def ceilings(scheme: Scheme) -> list[str]:
    """The most points of each kind of institution."""
    return [f"{scheme.ceilings[kind]:,}" if kind in scheme.ceilings else "" for kind in INSTITUTIONS]
