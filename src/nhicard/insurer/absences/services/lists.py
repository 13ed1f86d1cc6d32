"""The list of exits and entries: a CSV file, loaded whole in place of the one before.

Columns, in any order: ``physician`` (ID), ``exit`` and ``entry`` (ROC ``yyyMMdd``; ``entry`` empty while abroad), and,
where inpatient claims name the physician by another, ``code``. A row a journey.
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
from nhicard.insurer.absences.models import AbsenceList, ListedAbsence
from nhicard.insurer.audit import chain
from nhicard.insurer.intake.services import bulk

_NEEDED: Final = ("physician", "exit", "entry")
_CODE: Final = "^[0-9A-Za-z]{0,10}$"


class BadList(ValueError):
    """Nothing was loaded; ``zh`` and ``en`` say why, without anybody's data."""

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(f"{zh} {en}")
        self.zh = zh
        self.en = en


def read(content: bytes, as_of: date) -> pl.DataFrame:
    """``physician code exit_on entry_on``, a row a journey. Raises BadList, which names the line."""
    try:
        told = pl.read_csv(io.BytesIO(content.removeprefix(b"\xef\xbb\xbf")), infer_schema=False)
    except pl.exceptions.PolarsError:
        raise BadList("這不是 CSV 檔。", "This is no CSV file.") from None
    missing = [name for name in _NEEDED if name not in told.columns]
    if missing:
        raise BadList(f"缺少欄位：{'、'.join(missing)}。", f"Columns are missing: {', '.join(missing)}.")
    if "code" not in told.columns:
        told = told.with_columns(code=pl.lit(""))
    rows = told.select(pl.col(*_NEEDED, "code").fill_null("").str.strip_chars()).with_row_index("line", 2)
    read = rows.with_columns(exit_on=rocdate.as_date(pl.col("exit")), entry_on=rocdate.as_date(pl.col("entry")))
    is_back = pl.col("entry") != ""
    is_right = (
        national_id.is_valid(pl.col("physician"))
        & pl.col("code").str.contains(_CODE)
        & (pl.col("exit_on") <= as_of)
        & (~is_back | ((pl.col("entry_on") >= pl.col("exit_on")) & (pl.col("entry_on") <= as_of)))
    )
    wrong = read.filter(~is_right.fill_null(False))
    if wrong.height:
        line, count = wrong["line"][0], wrong.height
        raise BadList(
            f"有 {count} 列不正確，第一個在第 {line} 行：證號、代碼、出境或入境日期。",
            f"{count} rows are wrong, the first on line {line}: ID, code, exit or entry.",
        )
    journeys = read.select("physician", "code", "exit_on", "entry_on").unique(maintain_order=True)
    overlap = journeys.sort("physician", "exit_on").with_columns(
        before=pl.col("entry_on").fill_null(as_of).shift().over("physician")
    )
    if (overlap["exit_on"] < overlap["before"]).any():
        raise BadList("同一位醫師的出國期間重疊。", "Journeys of the same physician overlap.")
    return journeys


@transaction.atomic
def load(content: bytes, source: str, as_of: date, now: datetime) -> AbsenceList:
    """Load a list as it was on ``as_of``; the same again changes nothing. Raises BadList."""
    if as_of > now.date():
        raise BadList("資料日期不能是未來的日子。", "The list's day must not lie in the future.")
    rows = read(content, as_of)
    digest = hashlib.sha256(content).hexdigest()
    newest = AbsenceList.objects.order_by("pk").last()
    if newest and newest.as_of > as_of:
        raise BadList("已載入較新的清單。", "A newer list is loaded already.")
    if newest and (newest.digest, newest.as_of) == (digest, as_of):
        return newest
    made = AbsenceList.objects.create(loaded_at=now, source=source[:200], digest=digest, as_of=as_of, rows=rows.height)
    bulk.insert(ListedAbsence, rows.with_columns(of_list_id=pl.lit(made.pk, pl.Int64)))
    if newest:
        newest.absences.all().delete()  # nobody needs an older state of these people's journeys
    chain.record(
        at=now, actor="absences load", action="absences.loaded", subject=f"list {made.pk}", facts={"rows": made.rows}
    )
    return made
