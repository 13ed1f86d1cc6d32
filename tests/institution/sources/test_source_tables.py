"""CSV and Excel files: names of columns, joins, doubts, and nothing lost on the way."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars import col
from tests.institution.sources.source_frames import AS_OF, by_key
from xlsxwriter import Workbook  # type: ignore[import-untyped]

from nhicard.formats import Batch
from nhicard.formats.encoding import encode
from nhicard.institution.sources import DOUBTS, UnusableTable, read_tables
from nhicard.institution.visits import Visits, read10, read20, write10, write20
from nhicard.institution.visits.columns import by_field, columns, names
from nhicard.synthetic import generate

Row = Sequence[Any]
VISIT = {
    "visit": "1",
    "patient_id": "A123456789",
    "birth_date": "0700115",
    "institution": "3501990014",
    "visit_category": "01",
    "visit_time": "1151119093015",
}
ORDER = {"visit": "1", "order_category": "1", "order_code": "A000060100", "days": "3"}


def table(path: Path, rows: Iterable[Row], *, coding: str = "utf-8", separator: str = ",") -> Path:
    with path.open("w", encoding=coding, newline="") as file:
        csv.writer(file, delimiter=separator).writerows(rows)
    return path


def workbook(path: Path, sheets: Mapping[str, Iterable[Row]]) -> Path:
    with Workbook(path) as book:
        formats = {
            date: book.add_format({"num_format": "[$-404]e/m/d"}),
            datetime: book.add_format({"num_format": "yyyy/mm/dd hh:mm:ss"}),
        }
        for name, rows in sheets.items():
            sheet = book.add_worksheet(name)
            for number, row in enumerate(rows):
                for place, value in enumerate(row):
                    if isinstance(value, str):
                        sheet.write_string(number, place, value)
                    elif value is not None:
                        sheet.write(number, place, value, formats.get(type(value)))
    return path


def of(told: Mapping[str, Any], *more: Mapping[str, Any]) -> list[Row]:
    """A heading and a row for each, of the columns of the first."""
    return [list(told), *([row.get(name, "") for name in told] for row in (told, *more))]


def same(one: Batch, other: Batch) -> bool:
    return one.visits.equals(other.visits, null_equal=True) and one.orders.equals(other.orders, null_equal=True)


def filled(frame: pl.DataFrame) -> pl.DataFrame:
    """Without the columns in which there is nothing."""
    return frame.select(name for name in frame.columns if frame[name].null_count() < frame.height)


def rows(frame: pl.DataFrame, title: Callable[[str], str] = str) -> list[Row]:
    return [[title(name) for name in frame.columns], *frame.rows()]


@settings(max_examples=6)
@given(st.integers(0, 10_000), st.sampled_from(["plain", "field20", "name_zh"]))
def test_visits_by_way_of_csv_are_what_they_were(
    tmp_path_factory: pytest.TempPathFactory, seed: int, titles: str
) -> None:
    folder = tmp_path_factory.mktemp("csv")
    batch = generate("2.0", 120, seed, AS_OF, institutions=6)
    visits, orders = by_key(read20(batch))

    def title(name: str) -> str:
        return name if titles == "plain" or name not in columns() else getattr(columns()[name], titles) or name

    told = read_tables(
        table(folder / "v.csv", rows(visits, title)), table(folder / "o.csv", rows(orders.reverse(), title))
    )
    assert told.doubts.is_empty()
    assert told.keys.to_list() == visits["visit"].to_list()
    # orders of a visit stay in the order of their rows, which was turned round
    again = Visits(told.visits.visits, told.visits.orders.reverse().sort("visit", maintain_order=True))
    assert same(write20(again), batch)


def test_visits_by_way_of_excel_are_what_they_were(
    tmp_path: Path, made_up: Batch, frames: tuple[pl.DataFrame, pl.DataFrame]
) -> None:
    sheets = {"就醫": rows(filled(frames[0])), "醫令": rows(filled(frames[1]))}
    told = read_tables(workbook(tmp_path / "v.xlsx", sheets))
    assert told.doubts.is_empty()
    assert same(write20(told.visits), made_up)


@settings(max_examples=4)
@given(st.integers(0, 10_000))
def test_by_fields_of_10_it_is_what_reading_10_gives(tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
    folder = tmp_path_factory.mktemp("ten")
    batch = generate("1.0", 120, seed, AS_OF, institutions=6)
    fields = [list(by_field("1.0", of)) for of in ("visit", "order")]
    visits = batch.visits.select(col.record.alias("VISIT_NO"), "A02", *fields[0])
    orders = batch.orders.select(col.record.alias("就醫編號"), *fields[1])
    told = read_tables(table(folder / "v.csv", rows(visits)), table(folder / "o.csv", rows(orders)))
    expected = read10(batch)
    assert told.doubts.is_empty()
    assert told.visits.visits.equals(expected.visits.select(names("visit")), null_equal=True)
    assert told.visits.orders.equals(expected.orders.select("visit", *names("order")), null_equal=True)
    assert same(write10(told.visits).batch, batch)


CODINGS = ["utf-8", "utf-8-sig", "utf-16", "big5"]


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_codings_and_separators(tmp_path: Path, coding: str, separator: str) -> None:
    lines = [["就醫編號", "身分證號或身分證明文件號碼", "科別"], ["甲１", "A123456789", "家醫科；甲"]]
    path = table(tmp_path / "v.csv", lines, coding="utf-8" if coding == "big5" else coding, separator=separator)
    if coding == "big5":
        path.write_bytes(encode(path.read_text(encoding="utf-8")))
    told = read_tables(path)
    assert told.keys.to_list() == ["甲１"]
    assert told.department is not None
    assert told.department.to_list() == ["家醫科；甲"]
    assert told.visits.visits["patient_id"].to_list() == ["A123456789"]


@pytest.mark.parametrize(
    "title", ["patient_id", "PATIENT_ID", " patient_id ", "M03", "m03", "Ｍ０３", "身分證號或身分證明文件號碼", "A12"]
)
def test_a_column_has_many_names(tmp_path: Path, title: str) -> None:
    told = read_tables(table(tmp_path / "v.csv", [[title], ["A123456789"]]))
    assert told.visits.visits["patient_id"].to_list() == ["A123456789"]


def test_excel_dates_and_numbers_are_told(tmp_path: Path) -> None:
    heads = ["visit", "birth_date", "visit_time", "card_number", "sequence_number", "outpatient_fee", "M07"]
    line = [1, date(1981, 1, 15), datetime(2026, 11, 19, 9, 30, 15), 12345678, 12, 480.0, 1]
    orders: list[Row] = [["visit", "days", "total", "site"], [1.0, 3.0, 9, 16], ["1", None, 1.5, None]]
    told = read_tables(workbook(tmp_path / "v.xlsx", {"Visits": [heads, line], "醫令": orders, "說明": [["x"]]}))
    assert told.doubts.is_empty()
    assert told.visits.visits.select([*heads[1:-1], "visit_category"]).row(0) == (
        "0700115",
        "1151119093015",
        "000012345678",
        "0012",
        "480",
        "01",
    )
    assert told.visits.orders.select("visit", "days", "total", "site").rows() == [
        (0, "3", "9.0", "16"),
        (0, None, "1.5", None),
    ]


def test_codes_of_10_and_plain_columns_beside_each_other(tmp_path: Path) -> None:
    visit = {"visit": "1", "A01": "3", "A19": "2", "A54": "2026/11/17", "visit_category": "01", "M13": "12"}
    orders = of({"visit": "1", "A72": "1", "A78": "2", "days": "3"}, {"visit": "1", "A72": "3", "A78": "03"})
    told = read_tables(table(tmp_path / "v.csv", of(visit)), table(tmp_path / "o.csv", orders))
    assert told.doubts.is_empty()
    known = ["upload_kind", "late_mark", "actual_visit_time", "visit_category", "sequence_number"]
    assert told.visits.visits.select(known).row(0) == ("A", "2", "1151117000000", "01", "0012")
    assert told.visits.orders.select("order_category", "dispensing", "days").rows() == [
        ("M", None, "3"),
        ("2", "0", None),
    ]


def test_doubts_say_where_and_hide_who(tmp_path: Path) -> None:
    second = {"visit": "A223456781", "birth_date": "81/1/15", "visit_time": "2026/11/19 09:30", "visit_category": "XX"}
    visits = of(VISIT, {}, second)
    orders = of(ORDER, {"visit": "1", "days": "三天"})
    told = read_tables(table(tmp_path / "v.csv", visits), table(tmp_path / "o.csv", orders))
    assert dict(told.doubts.schema) == dict(DOUBTS)
    shown = told.doubts.select("table", "row", "key", "column", "field", "value").rows()
    assert shown == [
        ("visits", 4, "A******781", "birth_date", "M04", "81/****"),
        ("visits", 4, "A******781", "visit_time", "M11", "2026/11/19 09:30"),
        ("orders", 3, "1", "days", "D09", "三天"),
    ]
    assert told.doubts["text_zh"].str.contains("秒").to_list() == [False, True, False]
    assert told.visits.visits["visit_time"].to_list() == ["1151119093015", "2026/11/19 09:30"]  # for the checks to find
    assert told.visits.orders["days"].to_list() == ["3", "三天"]


def test_a_drug_of_10_without_dispensing_is_a_doubt(tmp_path: Path) -> None:
    orders = of({"visit": "1", "A72": "1", "order_code": "A000060100"})
    told = read_tables(table(tmp_path / "v.csv", of(VISIT)), table(tmp_path / "o.csv", orders))
    assert told.visits.orders["order_category"].to_list() == [None]
    assert told.doubts.select("row", "column", "value").rows() == [(2, "order_category", "1")]


def test_blank_rows_and_columns_do_not_count_but_rows_keep_their_numbers(tmp_path: Path) -> None:
    lines: list[Row] = [[], ["visit", "days_supplied", ""], [], ["1", "x", ""], ["", "", ""], ["2", "3", ""]]
    for path in (
        table(tmp_path / "v.csv", [line or ["", "", ""] for line in lines]),
        workbook(tmp_path / "v.xlsx", {"就醫": lines}),
    ):
        told = read_tables(path)
        assert told.keys.to_list() == ["1", "2"]
        assert told.doubts["row"].to_list() == [4]


def test_visits_alone_need_no_numbers(tmp_path: Path) -> None:
    told = read_tables(table(tmp_path / "v.csv", [["patient_id"], ["A123456789"], ["A223456781"]]))
    assert told.keys.to_list() == [None, None]
    assert told.department is None
    assert told.visits.orders.is_empty()


@pytest.mark.parametrize(
    ("visits", "orders", "zh", "en"),
    [
        (
            [["visit", "patient_ID", "pateint_id"], ["1", "A", "B"]],
            None,
            "是否為 patient_id",
            "did you mean patient_id",
        ),
        ([["visit", "M03", "A12"], ["1", "A", "B"]], None, "「M03」與「A12」是同一欄", "both patient_id"),
        ([["visit", "M03", ""], ["1", "A", "B"]], None, "「M03」右邊的欄", "after 'M03'"),
        ([["visit", "days"], ["1", "3"]], None, "「days」不認得", "'days' is not known"),
        ([["1", "A123456789"], ["2", "A223456781"]], None, "第一列不是就醫的欄名", "first row"),
        ([["visit"], ["1"], ["2"], ["1"]], None, "第 2、4 列", "rows 2"),
        ([[""]], None, "是空的", "is empty"),
        (of(VISIT), [["days"], ["3"]], "缺少 visit", "no column visit"),
        ([["patient_id"], ["A123456789"]], of(ORDER), "缺少 visit", "no column visit"),
        (of(VISIT), of(ORDER, {"visit": "2"}, {"visit": "", "days": "3"}), "第 3、4 列", "rows 3"),
        (of(VISIT), of(ORDER | {"patient_id": "x"}), "「patient_id」不認得", "not known"),
    ],
)
def test_a_table_that_cannot_be_used_says_why(
    tmp_path: Path, visits: list[Row], orders: list[Row] | None, zh: str, en: str
) -> None:
    for write, name in ((table, "csv"), (lambda path, lines: workbook(path, {"Sheet1": lines}), "xlsx")):
        given = write(tmp_path / f"v.{name}", visits)
        with pytest.raises(UnusableTable) as caught:
            read_tables(given, write(tmp_path / f"o.{name}", orders) if orders else None)
        assert zh in caught.value.zh
        assert en in caught.value.en
        assert "A123456789" not in str(caught.value)


def test_all_faults_of_a_heading_are_told_at_once(tmp_path: Path) -> None:
    path = table(tmp_path / "v.csv", [["visit", "birthdate", "fee", "M03", "a12"], ["1", "2", "3", "4", "5"]])
    with pytest.raises(UnusableTable) as caught:
        read_tables(path)
    for told in ("birth_date", "「fee」", "「a12」"):
        assert told in caught.value.zh


@pytest.mark.parametrize(
    ("name", "content", "zh"),
    [
        ("v.csv", b"visit,patient_id\n1,2,3\n", "引號"),
        ("v.csv", b'visit,patient_id\n1,"2\n', "引號"),
        ("v.csv", b"visit,patient_id\n1,\xff\xff\n", "第 2 行"),
        ("v.csv", b"", "是空的"),
        ("v.xlsx", b"no workbook", "讀不出來"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(tmp_path: Path, name: str, content: bytes, zh: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(UnusableTable, match=zh):
        read_tables(path)
    with pytest.raises(FileNotFoundError):
        read_tables(tmp_path / f"missing.{name}")


def test_sheets_without_names_are_not_guessed(tmp_path: Path) -> None:
    path = workbook(tmp_path / "v.xlsx", {"Sheet1": of(VISIT), "Sheet2": of(ORDER)})
    with pytest.raises(UnusableTable, match="工作表"):
        read_tables(path)
    one = workbook(tmp_path / "w.xlsx", {"Sheet1": of(VISIT)})
    two = workbook(tmp_path / "o.xlsx", {"any": of(ORDER)})
    assert read_tables(one, two).visits.orders.height == 1
