"""The workbook to fill in: read back as it is, it gives its examples, which both editions accept."""

from __future__ import annotations

import zipfile
from datetime import datetime
from pathlib import Path

import fastexcel
import polars as pl
import pytest

from nhicard.checks import Context, check
from nhicard.institution.sources import read_tables
from nhicard.institution.sources.headings import KEY
from nhicard.institution.sources.template import examples, write_template
from nhicard.institution.visits import write10, write20
from nhicard.institution.visits.columns import Owner, columns, names

AS_OF = datetime(2026, 11, 20, 12)


@pytest.fixture
def template(tmp_path: Path) -> Path:
    path = tmp_path / "visits.xlsx"
    write_template(path)
    return path


def test_it_gives_the_examples_back(template: Path) -> None:
    told = read_tables(template)
    assert told.doubts.is_empty()
    visits, orders = examples("visit"), examples("order")
    assert len(visits) == len(orders) == 2
    assert told.keys.to_list() == [row[KEY] for row in visits]
    assert told.department is not None
    assert told.department.to_list() == [row["department"] for row in visits]
    for row, told_row in zip(visits, told.visits.visits.to_dicts(), strict=True):
        given = {name: value for name, value in told_row.items() if value is not None}
        assert given == {name: value for name, value in row.items() if name not in (KEY, "department")}
    assert told.visits.orders["visit"].to_list() == [0, 1]


def test_both_editions_accept_the_examples(template: Path) -> None:
    told = read_tables(template).visits
    for batch in (write20(told), write10(told).batch):
        findings = check(batch, Context(as_of=AS_OF))
        assert findings.frame.select("field", "code").rows() == []
        assert findings.accepted == 2


@pytest.mark.parametrize(("sheet", "of"), [("就醫", "visit"), ("醫令", "order")])
def test_every_column_is_there_by_both_names(template: Path, sheet: str, of: Owner) -> None:
    rows = fastexcel.read_excel(template).load_sheet(sheet, header_row=None, dtypes="string").to_polars()
    zh, plain = rows.row(0), rows.row(1)
    assert set(names(of)) <= set(plain)
    assert plain[0] == KEY
    for name in names(of):
        assert zh[plain.index(name)] == columns()[name].name_zh


def test_cells_are_text_with_notes_and_choices(template: Path) -> None:
    with zipfile.ZipFile(template) as parts:
        sheets = [parts.read(f"xl/worksheets/sheet{number}.xml").decode() for number in (1, 2)]
        notes = parts.read("xl/comments1.xml").decode()
        styles = parts.read("xl/styles.xml").decode()
    assert 'numFmtId="49"' in styles  # text
    assert sheets[0].count("<dataValidation ") >= 4
    assert '"0,1,2,3,4,5,A"' in sheets[1].replace("&quot;", '"')  # D05
    assert "M03" in notes
    assert "A12" in notes
    assert "說明" in fastexcel.read_excel(template).sheet_names


def test_examples_name_columns_that_there_are() -> None:
    for of in ("visit", "order"):
        for row in examples(of):
            assert pl.Series(list(row)).is_unique().all()
