"""Lists of deaths and of stays: CSV files, kept as Parquet.

Deaths: ``person`` (ID) and ``died``. Stays: ``person``, ``admitted`` and ``discharged`` (empty while the stay lasts).
Dates are ROC ``yyyMMdd``.
"""

from __future__ import annotations

import hashlib
import io
from datetime import datetime
from typing import Final

import polars as pl
from django.db import transaction

from nhicard.formats import rocdate
from nhicard.identity import national_id
from nhicard.insurer.audit import chain
from nhicard.insurer.detectors.frames import DEATHS, STAYS, Schema, nothing
from nhicard.insurer.detectors.models import FactKind, FactList

_SCHEMAS: Final[dict[str, Schema]] = {FactKind.DEATHS: DEATHS, FactKind.STAYS: STAYS}
_MAY_BE_EMPTY: Final = "discharged"


class BadList(ValueError):
    """Nothing was loaded; ``zh`` and ``en`` say why, without anybody's data."""

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(f"{zh} {en}")
        self.zh = zh
        self.en = en


def read(kind: FactKind, content: bytes) -> pl.DataFrame:
    """The list in the columns of its frame. Raises BadList, which names the line."""
    schema = _SCHEMAS[kind]
    try:
        told = pl.read_csv(io.BytesIO(content.removeprefix(b"\xef\xbb\xbf")), infer_schema=False)
    except pl.exceptions.PolarsError:
        raise BadList("這不是 CSV 檔。", "This is no CSV file.") from None
    missing = [name for name in schema if name not in told.columns]
    if missing:
        raise BadList(f"缺少欄位：{'、'.join(missing)}。", f"Columns are missing: {', '.join(missing)}.")
    days = [name for name in schema if name != "person"]
    rows = told.select(pl.col(list(schema)).fill_null("").str.strip_chars()).with_row_index("line", 2)
    read = rows.with_columns(rocdate.as_date(pl.col(name)).alias(f"{name}_day") for name in days)
    is_right = national_id.is_valid(pl.col("person"))
    for name in days:
        is_empty = pl.lit(name == _MAY_BE_EMPTY) & (pl.col(name) == "")
        is_right &= is_empty | pl.col(f"{name}_day").is_not_null()
    if kind == FactKind.STAYS:
        is_right &= (pl.col("discharged_day") >= pl.col("admitted_day")).fill_null(True)
    wrong = read.filter(~is_right.fill_null(False))
    if wrong.height:
        line, count = wrong["line"][0], wrong.height
        raise BadList(
            f"有 {count} 列不正確，第一個在第 {line} 行：證號或日期。",
            f"{count} rows are wrong, the first on line {line}: ID or days.",
        )
    return read.select("person", **{name: pl.col(f"{name}_day") for name in days}).unique(maintain_order=True)


@transaction.atomic
def load(kind: FactKind, content: bytes, source: str, now: datetime) -> FactList:
    """Load a list in place of the one before; the same file again changes nothing. Raises BadList."""
    rows = read(kind, content)
    digest = hashlib.sha256(content).hexdigest()
    newest = FactList.objects.filter(kind=kind).order_by("pk").last()
    if newest and newest.digest == digest:
        return newest
    kept = io.BytesIO()
    rows.write_parquet(kept)
    made = FactList.objects.create(
        kind=kind, loaded_at=now, source=source[:200], digest=digest, rows=rows.height, content=kept.getvalue()
    )
    if newest:
        newest.content = b""
        newest.save(update_fields=["content"])  # nobody needs an older state of these people's data
    chain.record(
        at=now,
        actor="detectors load",
        action=f"{kind}.loaded",
        subject=f"list {made.pk}",
        facts={"rows": made.rows},
    )
    return made


def newest(kind: FactKind) -> pl.LazyFrame:
    """The list that holds; empty where there is none."""
    found = FactList.objects.filter(kind=kind).order_by("pk").last()
    if found is None:
        return nothing(_SCHEMAS[kind])
    return pl.read_parquet(io.BytesIO(bytes(found.content))).lazy()
