"""``nhicard upgrade`` as its users call it."""

from __future__ import annotations

import csv
import io
import json
from datetime import datetime
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from nhicard.cli.upgrade import upgrade
from nhicard.formats import build, read, write
from nhicard.institution.upgrading import upgrade as upgraded
from nhicard.institution.upgrading.missing import MISSING
from nhicard.synthetic import generate

AS_OF = datetime(2026, 11, 20, 12)
VACCINATION = {
    "A00": "2",
    "A01": "1",
    "A02": "1.0",
    "A11": "900000000001",
    "A12": "A123456789",
    "A13": "1141101",
    "A16": "001234567890",
    "A17": "1151119093015",
}
VACCINE = {"A61": "MMR", "A62": "1151119", "A63": "3501990014", "A64": "M70001"}


def run(*arguments: str | Path) -> Result:
    app = typer.Typer()
    app.command()(upgrade)
    return CliRunner().invoke(app, [*map(str, arguments), "--as-of", AS_OF.isoformat()])


@pytest.fixture
def old(tmp_path: Path) -> Path:
    path = tmp_path / "old.xml"
    path.write_bytes(write(generate("1.0", 60, 1, AS_OF, 3)))
    return path


def test_the_file_is_written_and_what_is_missing_told(old: Path, tmp_path: Path) -> None:
    new = tmp_path / "new.xml"
    done = run(old, "-o", new)
    assert done.exit_code == 1
    assert "M15 visit_identifier" in done.stdout
    expected = upgraded(read(old)).batch
    assert read(new).visits.equals(expected.visits, null_equal=True)
    assert read(new).orders.equals(expected.orders, null_equal=True)
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_json_and_csv_are_complete(old: Path, tmp_path: Path) -> None:
    new = tmp_path / "new.xml"
    told = json.loads(run(old, "-o", new, "--format", "json").stdout)
    rows = list(csv.DictReader(io.StringIO(run(old, "-o", new, "--format", "csv").stdout)))
    assert told["records"] == 60
    assert told["answers"] == []
    assert [row["field"] for row in rows] == [row["field"] for row in told["missing"]]
    assert list(rows[0]) == list(told["missing"][0]) == list(MISSING)


def test_nothing_missing_is_exit_code_0(tmp_path: Path) -> None:
    """A vaccination that tells its time, too."""
    old, new = tmp_path / "old.xml", tmp_path / "new.xml"
    old.write_bytes(write(build("1.0", [(VACCINATION, [VACCINE])])))
    done = run(old, "-o", new, "--format", "csv")
    assert done.exit_code == 0
    assert done.stdout == ",".join(MISSING) + "\n"
    assert read(new).visits["M11"].item() == VACCINATION["A17"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (write(generate("2.0", 3, 1, AS_OF)), "not 1.0"),
        (b"no upload file", ""),
        (b"<RECS><REC><MSH><A00>1</A00><A99>x</A99></MSH><MB><MB1></MB1></MB></REC></RECS>", "nhicard check"),
    ],
)
def test_what_cannot_be_upgraded_leaves_everything_as_it_was(tmp_path: Path, content: bytes, said: str) -> None:
    old, new = tmp_path / "old.xml", tmp_path / "new.xml"
    old.write_bytes(content)
    new.write_bytes(b"kept")
    done = run(old, "-o", new)
    assert done.exit_code == 2
    assert said in done.stderr
    assert new.read_bytes() == b"kept"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new.xml", "old.xml"]


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    assert run(tmp_path / "none.xml", "-o", tmp_path / "new.xml").exit_code == 2
    assert list(tmp_path.iterdir()) == []


def test_a_reader_needs_a_data_centre(old: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NHICARD_DATACENTRE", raising=False)
    done = run(old, "-o", tmp_path / "new.xml", "--reader", "https://localhost:5066")
    assert done.exit_code == 2
    assert "--centre" in done.stderr


def test_a_reader_that_does_not_answer_is_reported(old: Path, tmp_path: Path) -> None:
    nowhere = "http://127.0.0.1:9"
    done = run(old, "-o", tmp_path / "new.xml", "--reader", nowhere, "--centre", nowhere, "--format", "json")
    assert done.exit_code == 1
    assert {answer["state"] for answer in json.loads(done.stdout)["answers"]} == {"not asked"}
