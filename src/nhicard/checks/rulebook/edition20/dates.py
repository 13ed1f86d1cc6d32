"""The order of dates: nothing before birth, after the visit, after the upload, or too long ago."""

from __future__ import annotations

import polars as pl
from polars import col

from nhicard.checks.rule import Breaks, as_date, as_time, now, rule
from nhicard.formats.assumptions import Assumptions
from nhicard.formats.tables import fields, forms


def _visit_date() -> pl.Expr:
    return as_date("M11")


def _is_vaccination() -> pl.Expr:
    return col.H00 == "2"


def _moment(field: str) -> pl.Expr:
    """The field's time; of a field that holds a date alone, the midnight that begins it."""
    has_time = forms("2.0")[field].form == "time"
    return as_time(field) if has_time else as_date(field).cast(pl.Datetime("us"))


@rule("2.0", of_value=True, assumptions=("inferred_fields",))
def BD(assume: Assumptions) -> Breaks:
    """{field}（{name}）晚於上傳時間；請核對日期時間及電腦的時鐘。

    {field} ({name}) lies after the moment of upload; check date and time, and the computer's clock.
    """
    return {field: _moment(field) > now() for field in assume["inferred_fields"]["BD"]}


@rule("2.0", of_value=True, assumptions=("unnamed_fields",))
def BD01(assume: Assumptions) -> Breaks:
    """{field}（{name}）須早於上傳時間；請核對日期時間。

    {field} ({name}) must lie before the moment of upload; check date and time.
    """
    return {field: _moment(field) >= now() for field in assume["unnamed_fields"]["BD01"]}


@rule("2.0", of_value=True, assumptions=("inferred_fields",))
def BE(assume: Assumptions) -> Breaks:
    """{field}（{name}）與就診日期時間 M11 不合：D01 須與 M11 相同，其他日期不可晚於 M11；請改正。

    {field} ({name}) does not go with the visit time M11: D01 must equal M11, other dates must not be after
    it; correct it.
    """
    later = {field: ~_is_vaccination() & (as_date(field) > _visit_date()) for field in assume["inferred_fields"]["BE"]}
    return {"D01": col.D01 != col.M11, **later}


@rule("2.0", of_value=True, assumptions=("unnamed_fields",))
def BE01(assume: Assumptions) -> Breaks:
    """{field}（{name}）早於就醫日期 M11；請核對日期。

    {field} ({name}) lies before the visit date M11; check the date.
    """
    return {field: as_date(field) < _visit_date() for field in assume["unnamed_fields"]["BE01"]}


@rule("2.0", of_value=True, assumptions=("bf_fields",))
def BF(assume: Assumptions) -> Breaks:
    """{field}（{name}）晚於接種日期 M11；請核對日期。

    {field} ({name}) lies after the vaccination date M11; check the date.
    """
    own = [field for field in assume["bf_fields"] if field in fields("2.0")]
    return {field: _is_vaccination() & (as_date(field) > _visit_date()) for field in own}


@rule("2.0", of_value=True, assumptions=("inferred_fields",))
def BG(assume: Assumptions) -> Breaks:
    """{field}（{name}）早於出生日期 M04；請核對這兩個日期。

    {field} ({name}) lies before the date of birth M04; check both dates.
    """
    return {field: as_date(field) < as_date("M04") for field in assume["inferred_fields"]["BG"]}


@rule("2.0", "M11", of_value=True, assumptions=("upload_window_months",))
def BH(assume: Assumptions) -> Breaks:
    """就診日期 M11 已超過可上傳的期限（當月及前 3 個月）；請核對 M11，確為逾期者請洽分區業務組。

    The visit date M11 is too long ago: only the present month and the three before it can be uploaded; check
    M11, or ask your division of the insurer.
    """
    first_month = now().dt.truncate("1mo").dt.offset_by(f"-{assume['upload_window_months']}mo")
    return _visit_date() < first_month.dt.date()


@rule("2.0", of_value=True, assumptions=("unnamed_fields",))
def BJ(assume: Assumptions) -> Breaks:
    """{field}（{name}）早於接種日期 M11；請核對日期。

    {field} ({name}) lies before the vaccination date M11; check the date.
    """
    return {field: _is_vaccination() & (as_date(field) < _visit_date()) for field in assume["unnamed_fields"]["BJ"]}


@rule("2.0", "M11", severity="warn", of_value=True)
def AD34() -> Breaks:
    """檢驗結果應在報告日（M11）次日 23:59 前上傳，這一筆已經晚了；資料仍會收載，下次請及早上傳。

    A test result should be uploaded by 23:59 of the day after the report (M11), and this one is late; it is
    accepted all the same, please upload earlier next time.
    """
    return (col.H00 == "5") & ((now().dt.date() - _visit_date()).dt.total_days() > 1)
