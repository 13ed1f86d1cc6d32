"""What people and programs write, and what it becomes; what cannot be told stays and is a doubt."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nhicard.formats import rocdate
from nhicard.formats.tables import Edition
from nhicard.institution.sources.values import WHY, value
from nhicard.institution.visits.columns import columns


def read(column: str, texts: Sequence[str | None], edition: Edition = "2.0") -> list[str | None]:
    found = value(columns()[column], edition)
    return pl.DataFrame({column: pl.Series(texts, dtype=pl.String)}).select(told=found.wire)["told"].to_list()


TOLD = {
    "birth_date": {
        "0700115": "0700115",
        "700115": "0700115",
        "1130229": "1130229",
        "19810115": "0700115",
        "1981/1/15": "0700115",
        "1981-01-15": "0700115",
        "1981-01-15 00:00:00": "0700115",
        "1981/1/15 0:00": "0700115",
        "070.01.15": "0700115",
        "民國070年1月15日": "0700115",
        " 0700115\u3000": "0700115",
        "０７００１１５": "0700115",
    },
    "visit_time": {
        "1151119093015": "1151119093015",
        "20261119093015": "1151119093015",
        "1151119 093015": "1151119093015",
        "20261119T09:30:15": "1151119093015",
        "2026/11/19 9:30:15": "1151119093015",
        "115/11/19 09:30:15": "1151119093015",
        "2026-11-19T09:30:15.123": "1151119093015",
        "2026-11-19 09:30:15+08:00": "1151119093015",
        "2026/11/19 上午 09:30:15": "1151119093015",
        "2026/11/19 下午 01:30:15": "1151119133015",
        "2026/11/19 下午 12:00:00": "1151119120000",
        "2026/11/19 上午 12:00:00": "1151119000000",
        "2026/11/19 1:30:15 PM": "1151119133015",
        "1151119000000": "1151119000000",
    },
    "outpatient_fee": {"480": "480", "480.0": "480", "1,234": "1234", "-50": "-50", "４８０": "480", "0": "0"},
    "days": {"3": "3", "3.0": "3", "3.": "3", "03": "03"},
    "total": {"9": "9.0", "9.0": "9.0", "9.00": "9.0", ".5": "0.5", "1,000": "1000.0", "1.5": "1.5"},
    "visit_category": {"01": "01", "1": "01", "ac": "AC", "ZZ": "ZZ", "001": "001"},
    "dispensing": {"0": "0", "a": "A"},
    "sequence_number": {"0012": "0012", "12": "0012", "C001": "C001"},
    "card_number": {"12345678": "000012345678", "900000000001": "900000000001"},
    "institution": {"3501990014": "3501990014", "401180014": "0401180014", "350199001": "350199001"},
    "usage": {"TID": "TID", "16": "16"},
    "remark": {"（飯後）１": "（飯後）１", "1E+11": "1E+11"},
    "security_signature": {"0012": "0012"},
}
UNTOLD = {
    "birth_date": ["1130230", "81/1/15", "1981-01-15 09:30:00", "15", "0000101", "1911-12-31", "九月", "1981年13月1日"],
    "visit_time": [
        "2026/11/19 09:30",
        "11511190930",
        "2026-11-19",
        "1151119",
        "1151119250000",
        "231119093015",
        "1.15112E+12",
        "2026-11-19 09:30:15+00:00",
        "2026/11/19 上午 13:30:15",
        "1899-12-31 09:30:00",
    ],
    "outpatient_fee": ["3.5", "NT$480", "1,23", "一百", "-"],
    "days": ["三天", "3天", "1.5"],
    "total": ["9.25", "-1", "九", "."],
    "card_number": ["9E+11", "9.00001E+11"],
}


@pytest.mark.parametrize(
    ("column", "text", "told"), [(name, text, told) for name, pairs in TOLD.items() for text, told in pairs.items()]
)
def test_what_is_written_is_told(column: str, text: str, told: str) -> None:
    assert read(column, [text]) == [told]


@pytest.mark.parametrize(("column", "text"), [(name, text) for name, texts in UNTOLD.items() for text in texts])
def test_what_cannot_be_told_is_not_guessed(column: str, text: str) -> None:
    assert read(column, [text]) == [None]
    found = value(columns()[column], "2.0")
    zh, en = WHY[found.kind]
    assert zh
    assert en
    assert pl.DataFrame({column: [text]}).select(told=found.clean)["told"].to_list() == [text]


@pytest.mark.parametrize("column", columns())
def test_blank_is_not_known(column: str) -> None:
    assert read(column, [None, "", "  ", "\u3000"]) == [None] * 4


def test_a_field_of_10_has_its_own_form() -> None:
    assert read("actual_visit_time", ["2026/11/17"], "1.0") == ["1151117"]
    assert read("actual_visit_time", ["2026/11/17"], "2.0") == [None]
    assert read("dispensing", ["1"], "1.0") == ["01"]


@given(st.dates(date(1912, 1, 1), date(2100, 12, 31)))
def test_every_day_is_told_however_it_is_written(day: date) -> None:
    roc = day.year - rocdate.YEAR_BEFORE_FIRST
    written = [
        rocdate.format_date(day),
        f"{day:%Y%m%d}",
        f"{day:%Y-%m-%d}",
        f"{day.year}/{day.month}/{day.day}",
        f"{roc:03d}/{day.month}/{day.day}",
    ]
    assert read("birth_date", written) == [rocdate.format_date(day)] * len(written)


@given(st.datetimes(datetime(1912, 1, 1), datetime(2100, 12, 31)))
def test_every_second_is_told_however_it_is_written(at: datetime) -> None:
    half = "上午" if at.hour < 12 else "下午"
    written = [
        rocdate.format_datetime(at),
        f"{at:%Y%m%d%H%M%S}",
        at.isoformat(),
        at.isoformat(" ", "seconds"),
        f"{at.year}/{at.month}/{at.day} {half} {at:%I:%M:%S}",
    ]
    assert read("visit_time", written) == [rocdate.format_datetime(at)] * len(written)
