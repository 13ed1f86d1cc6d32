"""docs/sources.md: its mapping is complete and reads a database such as it describes, its Python runs."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path

import polars as pl
import pytest

from nhicard.institution.sources import load_mapping

PAGE = (Path(__file__).parents[3] / "docs" / "sources.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    assert found
    return found[1]


@pytest.fixture
def his(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "his.toml").write_text(block("toml"), encoding="utf-8")
    connection = sqlite3.connect(tmp_path / "his.db")
    connection.executescript(
        """
        CREATE TABLE opd_visit (visit_no INTEGER PRIMARY KEY, updated_at TEXT, dept TEXT, id_no TEXT, birthday TEXT,
            doctor_id TEXT, kind TEXT, visit_day TEXT, visit_clock TEXT, seq_no INTEGER, icd_1 TEXT, fee INTEGER,
            copay INTEGER);
        CREATE TABLE opd_order (visit_no INTEGER, line_no INTEGER, category TEXT, code TEXT, freq TEXT, days INTEGER,
            total REAL);
        INSERT INTO opd_visit VALUES (7, '2026-11-19 07:59:59', '家醫科', 'A123456789', '0700115', 'B123456780', 'W',
            '1151119', '07:30:15', 11, 'J069', 480, 50);
        INSERT INTO opd_visit VALUES (8, '2026-11-19 09:31:00', '家醫科', 'A123456789', '0700115', 'B123456780', 'W',
            '1151119', '09:30:15', 12, 'J069', 480, 50);
        INSERT INTO opd_order VALUES (8, 1, '1', 'A000060100', 'TID', 3, 9);
        INSERT INTO opd_order VALUES (7, 1, '1', 'A000060100', 'TID', 3, 9);
        """
    )
    connection.close()
    return tmp_path


def test_the_example_reads_what_changed(his: Path) -> None:
    for name in ("visits", "orders"):
        pl.DataFrame({"visit": ["1"]}).write_csv(his / f"{name}.csv")
    known: dict[str, object] = {}
    exec(block("python"), known)
    told = known["told"]
    assert told.keys.to_list() == ["8"]  # type: ignore[attr-defined]
    assert told.doubts.is_empty()  # type: ignore[attr-defined]
    batch = known["batch"]
    visit = batch.visits.select("M03", "M04", "M05", "M07", "M11", "M13", "M44", "M53").row(0)  # type: ignore[attr-defined]
    assert visit == ("A123456789", "0700115", "3501990014", "01", "1151119093015", "0012", "480", "50")
    assert batch.orders.select("D02", "D06", "D08", "D09", "D10").rows() == [("1", "A000060100", "TID", "3", "9.0")]  # type: ignore[attr-defined]


def test_every_key_of_a_mapping_is_explained(his: Path) -> None:
    from nhicard.institution.sources.mapping_file import KEYS

    assert load_mapping(his / "his.toml").orders is not None
    for section in KEYS.values():
        for key in section:
            assert re.search(rf"\b{key}\b", PAGE), key
