"""The data set's columns, its files, and names of divisions and counties."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Final

import polars as pl

from nhicard.insurer.registry.tables import table

#: The header as the insurer tells it.
COLUMNS: Final = ("分區代碼", "分區名稱", "縣市名稱", "醫事機構代碼", "醫事機構簡稱", "項目代碼", "項目名稱")
SCHEMA: Final = pl.Schema(dict.fromkeys(COLUMNS, pl.String()))
#: Of the file of changes: what happened to the row since the snapshot before.
CHANGE: Final = "異動"
ADDED, REMOVED = "新增", "刪除"
#: Files of a release and their media types (IANA), in the order in which they are offered.
FILES: Final[Mapping[str, str]] = {
    "incentives.csv": "text/csv",
    "incentives.json": "application/json",
    "incentives.parquet": "application/vnd.apache.parquet",
    "changes.csv": "text/csv",
    "metadata.jsonld": "application/ld+json",
}


@cache
def counties() -> pl.DataFrame:
    """``code``, ``name_zh``, ``name_en``; codes of counties that were merged carry the name of today."""
    text = (files(__package__) / "data" / "counties.csv").read_text(encoding="utf-8")
    return pl.DataFrame(list(csv.DictReader(text.splitlines())))


@cache
def english() -> Mapping[str, str]:
    """English names of divisions and counties by the Chinese ones of the data set."""
    names = dict(counties().select("name_zh", "name_en").iter_rows())
    rows = table("divisions").select("name_zh", "name_en").iter_rows()
    return names | {f"{zh}業務組": f"{en} Division" for zh, en in rows}


def division_name() -> pl.Expr:
    """分區名稱 of a column ``division``; empty where there is none."""
    names = {number: f"{name}業務組" for number, name in table("divisions").select("division", "name_zh").iter_rows()}
    return pl.col("division").cast(pl.String).replace_strict(names, default="", return_dtype=pl.String).fill_null("")


def county_name() -> pl.Expr:
    """縣市名稱 of columns ``county`` (a code or a name) and ``code``: else what places 3 and 4 of the code say."""
    names = dict(counties().select("code", "name_zh").iter_rows())
    told = pl.col("county").fill_null("").str.strip_chars().str.replace("台", "臺", literal=True)
    known = pl.when(told.is_in(list(set(names.values())))).then(told)
    by_code = told.replace_strict(names, default=None, return_dtype=pl.String)
    registered = pl.col("code").str.slice(2, 2).replace_strict(names, default="", return_dtype=pl.String)
    return pl.coalesce(known, by_code, registered)
