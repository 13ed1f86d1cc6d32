"""``nhicard build`` as its users call it."""

from __future__ import annotations

import csv
import stat
from datetime import datetime
from pathlib import Path

import polars as pl
import pytest
import typer
from typer.testing import CliRunner, Result

from nhicard import read
from nhicard.cli.build import register
from nhicard.formats import Batch
from nhicard.institution.visits import read20, write10

AS_OF = datetime(2026, 11, 20, 12)


def run(*arguments: str | Path) -> Result:
    app = typer.Typer()
    register(app)
    return CliRunner().invoke(app, [*map(str, arguments), "--as-of", AS_OF.isoformat()])


@pytest.fixture
def inputs(tmp_path: Path, frames: tuple[pl.DataFrame, pl.DataFrame]) -> list[str | Path]:
    for name, frame in zip(("visits", "orders"), frames, strict=True):
        frame.write_csv(tmp_path / f"{name}.csv")
    return ["--visits", tmp_path / "visits.csv", "--orders", tmp_path / "orders.csv"]


def test_20_is_built_and_checked(tmp_path: Path, inputs: list[str | Path], made_up: Batch) -> None:
    output = tmp_path / "upload.xml"
    done = run("--edition", "2.0", *inputs, "-o", output)
    assert done.exit_code == 0, done.output
    assert f"{made_up.visits.height:,} 筆就醫、{made_up.orders.height:,} 筆醫令" in done.stdout
    assert f"accepted {made_up.visits.height:,}" in done.stdout
    assert read(output).visits.equals(made_up.visits, null_equal=True)
    assert read(output).orders.equals(made_up.orders, null_equal=True)
    assert stat.S_IMODE(output.stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_10_is_built_and_what_it_cannot_tell_is_told(tmp_path: Path, inputs: list[str | Path], made_up: Batch) -> None:
    output = tmp_path / "upload.xml"
    done = run("--edition", "1.0", *inputs, "-o", output, "--no-check")
    expected = write10(read20(made_up))
    assert done.exit_code == 0, done.output
    assert read(output).visits.equals(expected.batch.visits, null_equal=True)
    assert f"cannot tell: {expected.left_out.height:,}" in done.stdout
    assert "accepted" not in done.stdout


def test_a_database_is_read_by_its_mapping(tmp_path: Path) -> None:
    mapping = tmp_path / "his.toml"
    mapping.write_text('url = "sqlite:///nothing.db"\n[visits]\n', encoding="utf-8")
    done = run("--edition", "2.0", "--sql", mapping, "-o", tmp_path / "upload.xml")
    assert done.exit_code == 2
    assert "his.toml, line 2" in done.stderr
    assert not (tmp_path / "upload.xml").exists()


def test_since_needs_a_mapping_that_says_how(tmp_path: Path) -> None:
    mapping = tmp_path / "his.toml"
    required = ["patient_id", "birth_date", "institution", "visit_category", "visit_time"]
    lines = ['url = "sqlite:///nothing.db"', "[visits]", 'table = "v"', "[visits.columns]"]
    mapping.write_text("\n".join([*lines, *(f'{name} = "{name}"' for name in required)]), encoding="utf-8")
    done = run("--edition", "2.0", "--sql", mapping, "-o", tmp_path / "upload.xml", "--since", "2026-11-19")
    assert done.exit_code == 2
    assert "neither since" in done.stderr
    done = run("--edition", "2.0", "--sql", mapping, "-o", tmp_path / "upload.xml")
    assert "連不上資料庫" in done.stderr


def table(path: Path, *rows: dict[str, str]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return path


VISIT = {
    "visit": "1",
    "patient_id": "A123456789",
    "birth_date": "0700115",
    "institution": "3501990014",
    "staff_id": "B123456780",
    "visit_category": "01",
    "visit_time": "1151119093015",
    "sequence_number": "C001",
    "principal_diagnosis": "J069",
    "outpatient_fee": "480",
    "copayment_2": "50",
}


def test_what_was_derived_and_what_is_doubtful_is_told(tmp_path: Path) -> None:
    visits = table(tmp_path / "v.csv", VISIT, VISIT | {"visit": "2", "birth_date": "81/1/15"})
    done = run("--edition", "2.0", "--visits", visits, "-o", tmp_path / "u.xml", "--no-check")
    assert done.exit_code == 1
    assert "upload_kind 2" in done.stdout
    assert "就醫 第 3 列 row 3 birth_date = '81/****'" in done.stdout
    assert read(tmp_path / "u.xml").visits["M04"].to_list() == ["0700115", "81/1/15"]


def test_what_would_be_rejected_is_told(tmp_path: Path) -> None:
    visits = table(tmp_path / "v.csv", VISIT | {"principal_diagnosis": "J0-69"})
    done = run("--edition", "2.0", "--visits", visits, "-o", tmp_path / "u.xml")
    assert done.exit_code == 1
    assert "rejected 1" in done.stdout


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ([{"pateint_id": "A123456789", "visit": "1"}], "patient_id"),
        ([VISIT, VISIT], "重複"),
        ([VISIT | {"remark": "x"}], "remark"),
        ([VISIT | {"bed": "🛏"}], "M50"),
    ],
)
def test_what_fails_leaves_the_file_that_was_there(tmp_path: Path, rows: list[dict[str, str]], told: str) -> None:
    output = tmp_path / "upload.xml"
    output.write_text("before")
    done = run("--edition", "2.0", "--visits", table(tmp_path / "v.csv", *rows), "-o", output)
    assert done.exit_code == 2
    assert told in done.stderr
    assert "A123456789" not in done.stderr
    assert output.read_text() == "before"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["upload.xml", "v.csv"]


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--visits", "v.csv", "-o", "u.xml"],
        ["--edition", "2.0", "--visits", "v.csv"],
        ["--edition", "2.0", "--visits", "v.csv", "--sql", "m.toml", "-o", "u.xml"],
        ["--edition", "2.0", "--sql", "m.toml", "--orders", "o.csv", "-o", "u.xml"],
        ["--edition", "2.0", "--visits", "v.csv", "--since", "2026-11-19", "-o", "u.xml"],
        ["--edition", "2.0", "--sql", "m.toml", "--since", "yesterday", "-o", "u.xml"],
        ["--edition", "2.0", "--visits", "missing.csv", "-o", "missing.xml"],
        ["--edition", "2.0", "--sql", "missing.toml", "-o", "missing.xml"],
        ["--template", "template.csv"],
    ],
)
def test_calls_that_make_no_sense_are_refused(arguments: list[str]) -> None:
    assert run(*arguments).exit_code == 2


def test_an_input_is_never_overwritten(tmp_path: Path) -> None:
    visits = table(tmp_path / "v.csv", VISIT)
    before = visits.read_bytes()
    assert run("--edition", "2.0", "--visits", visits, "-o", visits).exit_code == 2
    assert visits.read_bytes() == before


def test_the_template_is_written_once_and_can_be_built(tmp_path: Path) -> None:
    template = tmp_path / "visits.xlsx"
    assert run("--template", template).exit_code == 0
    before = template.read_bytes()
    assert run("--template", template).exit_code == 2
    assert template.read_bytes() == before
    for edition in ("1.0", "2.0"):
        done = run("--edition", edition, "--visits", template, "-o", tmp_path / "upload.xml")
        assert done.exit_code == 0, done.output
        assert "accepted 2" in done.stdout
