"""What page and API ask of the published rows."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any, Final

import polars as pl
from django import forms
from django.http import HttpRequest

from nhicard.insurer.opendata.services import publishing, store

MOST: Final = 1000
A_PAGE: Final = 100


class Asked(forms.Form):
    """The parameters; everything may be left out."""

    q = forms.CharField(max_length=40, required=False)
    division = forms.RegexField(r"^[1-6]\Z", required=False)
    county = forms.CharField(max_length=4, required=False)
    item = forms.RegexField(r"^[A-Z][0-9]?\Z", required=False)
    day = forms.DateField(input_formats=["%Y-%m-%d"], required=False)
    page = forms.IntegerField(min_value=1, max_value=1_000_000, required=False)
    page_size = forms.IntegerField(min_value=1, max_value=MOST, required=False)
    lang = forms.ChoiceField(choices=[("zh", "zh"), ("en", "en")], required=False)


def release_of(day: date | None) -> Path | None:
    """The release of the day, or the latest; None where there is none."""
    folder = publishing.folder()
    return store.of_day(folder, day) if day else store.latest(folder)


def day_of(release: Path) -> date:
    """The day that a release tells of."""
    return date.fromisoformat(release.name.partition(".")[0])


def matching(rows: pl.DataFrame, asked: dict[str, Any], *, without: str = "") -> pl.DataFrame:
    """The rows that meet the conditions, but for the one that is left out."""
    columns = {"division": "分區代碼", "county": "縣市名稱", "item": "項目代碼"}
    for name, column in columns.items():
        if asked.get(name) and name != without:
            rows = rows.filter(pl.col(column) == asked[name])
    if wanted := (asked.get("q") or "").strip():
        by_name = pl.col("醫事機構簡稱").str.contains(wanted, literal=True)
        rows = rows.filter(pl.col("醫事機構代碼").str.starts_with(wanted) | by_name)
    return rows


def part(rows: pl.DataFrame, page: int, size: int) -> pl.DataFrame:
    """One page of the rows; pages count from 1."""
    return rows.slice((page - 1) * size, size)


def etag(request: HttpRequest, release: Path) -> str:
    """Of an answer: the release, which never changes, and what was asked of it."""
    from hashlib import sha256

    told = f"{release.name}?{request.GET.urlencode()}"
    return f'"{sha256(told.encode()).hexdigest()[:32]}"'
