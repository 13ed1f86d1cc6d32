"""The household registry's list of births: a CSV file, loaded whole in place of the one before.

Columns, in any order: ``mother`` (ID), ``birth`` (ROC ``yyyMMdd``), ``sex`` (M, F, 男, 女, 1, 2), and, where known,
``father`` and ``id`` (the child's). A row a child.
"""

from __future__ import annotations

import hashlib
import io
from datetime import date, datetime
from typing import Final

import polars as pl
from django.db import transaction

from nhicard.formats import rocdate
from nhicard.identity import national_id
from nhicard.insurer.audit import chain
from nhicard.insurer.followup.models import Birth, BirthList
from nhicard.insurer.intake.services import bulk

_NEEDED: Final = ("mother", "birth", "sex")
_OPTIONAL: Final = ("father", "id")
_SEXES: Final = {"M": "M", "F": "F", "男": "M", "女": "F", "1": "M", "2": "F"}


class BadList(ValueError):
    """Nothing was loaded; ``zh`` and ``en`` say why, without anybody's data."""

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(f"{zh} {en}")
        self.zh = zh
        self.en = en


def read(content: bytes) -> pl.DataFrame:
    """``child_id mother_id father_id born sex``, a row a child. Raises BadList, which names the line."""
    try:
        told = pl.read_csv(io.BytesIO(content.removeprefix(b"\xef\xbb\xbf")), infer_schema=False)
    except pl.exceptions.PolarsError:
        raise BadList("這不是 CSV 檔。", "This is no CSV file.") from None
    missing = [name for name in _NEEDED if name not in told.columns]
    if missing:
        raise BadList(f"缺少欄位：{'、'.join(missing)}。", f"Columns are missing: {', '.join(missing)}.")
    filled = told.with_columns(pl.lit("").alias(name) for name in _OPTIONAL if name not in told.columns)
    rows = filled.select(pl.col(*_NEEDED, *_OPTIONAL).fill_null("").str.strip_chars()).with_row_index("line", 2)
    read = rows.with_columns(
        born=rocdate.as_date(pl.col("birth")),
        sex=pl.col("sex").str.to_uppercase().replace_strict(_SEXES, default=None, return_dtype=pl.String),
    )
    parents = national_id.is_valid(pl.col("mother")) & (
        (pl.col("father") == "") | national_id.is_valid(pl.col("father"))
    )
    wrong = read.filter(pl.col("born").is_null() | pl.col("sex").is_null() | ~parents.fill_null(False))
    if wrong.height:
        line, count = wrong["line"][0], wrong.height
        raise BadList(
            f"有 {count} 列不正確，第一個在第 {line} 行：證號、出生日期或性別。",
            f"{count} rows are wrong, the first on line {line}: ID, birth or sex.",
        )
    return read.select("born", "sex", child_id="id", mother_id="mother", father_id="father").unique(maintain_order=True)


@transaction.atomic
def load(content: bytes, source: str, since: date | None, as_of: date | None, now: datetime) -> BirthList:
    """Load a list; the same file for the same days again changes nothing.

    ``since`` and ``as_of``: the days it covers; the first and the last birth in it where not given. Raises BadList.
    """
    rows = read(content)
    if not rows.height and (since is None or as_of is None):
        raise BadList("清單是空的，請指定涵蓋期間。", "The list is empty: say which days it covers.")
    first, last = since or rows["born"].min(), as_of or rows["born"].max()
    assert isinstance(first, date)
    assert isinstance(last, date)
    if first > last or last > now.date():
        raise BadList("涵蓋期間不正確。", "The days that it covers are not right.")
    if rows.height and (rows["born"] < first).any() | (rows["born"] > last).any():
        raise BadList("清單中有涵蓋期間以外的出生。", "There are births outside the days that it covers.")
    digest = hashlib.sha256(content).hexdigest()
    newest = BirthList.objects.order_by("pk").last()
    if newest and newest.as_of > last:
        raise BadList("已載入較新的清單。", "A newer list is loaded already.")
    if newest and (newest.digest, newest.since, newest.as_of) == (digest, first, last):
        return newest
    made = BirthList.objects.create(
        loaded_at=now, source=source[:200], digest=digest, since=first, as_of=last, rows=rows.height
    )
    bulk.insert(Birth, rows.with_columns(of_list_id=pl.lit(made.pk, pl.Int64)))
    if newest:
        newest.births.all().delete()  # nobody needs an older state of these people's data
    chain.record(
        at=now, actor="followup load", action="births.loaded", subject=f"list {made.pk}", facts={"rows": made.rows}
    )
    return made
