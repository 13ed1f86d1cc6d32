"""Bars by division and county, laid out for an SVG."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import polars as pl

WIDTH: Final = 900
_LABEL, _ROOM, _ROW = 190, 70, 24


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar with its label; lengths in the units of the SVG. ``kind``: division or county."""

    kind: str
    place: str
    count: int
    y: int
    length: int
    text_y: int
    number_x: int


@dataclass(frozen=True, slots=True)
class Chart:
    """Bars from top to bottom."""

    bars: tuple[Bar, ...]
    height: int
    width: int = WIDTH
    left: int = _LABEL
    label_x: int = _LABEL - 10
    bar: int = _ROW - 8


def chart(rows: pl.DataFrame, name: Callable[[str], str]) -> Chart:
    """How many institutions the rows name, by division and, below each, by county. ``name``: how a place is called."""
    places = rows.unique("醫事機構代碼").group_by("分區代碼", "分區名稱", "縣市名稱").len("count").sort(pl.all())
    counted: list[tuple[str, str, int]] = []
    for (_, division), part in places.group_by("分區代碼", "分區名稱", maintain_order=True):
        counted.append(("division", str(division), int(part["count"].sum())))
        counted += [("county", county, count) for county, count in part.select("縣市名稱", "count").iter_rows()]
    most = max((count for kind, _, count in counted if kind == "division"), default=1)
    bars = []
    for row, (kind, place, count) in enumerate(counted):
        length = max(2, round((WIDTH - _LABEL - _ROOM) * count / most))
        y = row * _ROW + 4
        bars.append(Bar(kind, name(place) or "—", count, y, length, y + 13, _LABEL + length + 8))
    return Chart(tuple(bars), len(bars) * _ROW + 8)
