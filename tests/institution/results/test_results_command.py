"""``nhicard results``: every format, masked, without formulas, with exit codes."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
import typer
from typer.testing import CliRunner

from nhicard.cli import results as command
from nhicard.institution.results.export import csv_text, write_workbook
from nhicard.institution.results.masking import masked_text

TEXTS = Path(__file__).parent / "texts"
PERSONAL = ("A123456789", "F131104093", "0701212", "000012345678")
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run() -> Run:
    app = typer.Typer()
    command.register(app)

    def call(*arguments: str | Path) -> tuple[int, str, str]:
        done = CliRunner().invoke(app, [*map(str, arguments)])
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return done.exit_code, done.stdout, done.stderr

    return call


@pytest.mark.parametrize(
    ("name", "code", "word"),
    [
        ("correct", 0, ""),
        ("web", 1, "M16"),
        ("edition10", 1, "A77"),
        ("odd", 2, "M16"),
        ("letter", 2, "這不是檢核結果"),
    ],
)
@pytest.mark.parametrize("output", ["text", "json", "csv", "xlsx"])
def test_exit_code_and_masking(name: str, code: int, word: str, output: str, run: Run, tmp_path: Path) -> None:
    target = tmp_path / f"out.{output}"
    got, out, told = run(TEXTS / f"{name}.txt", "--format", output, "-o", target)
    assert (got, out) == (code, "")
    if output == "xlsx":
        sheets = pl.read_excel(target, sheet_id=0, infer_schema_length=0, raise_if_empty=False)
        written = "".join(sheet.write_csv() for sheet in sheets.values())
    else:
        written = target.read_text(encoding="utf-8")
    assert word in written + told
    assert not [each for each in PERSONAL if each in written + told]


def test_text_ranks_explains_and_names_what_is_not_understood(run: Run) -> None:
    code, out, _ = run(TEXTS / "web.txt", TEXTS / "odd.txt", "--by", "code")
    words = "".join(out.split())
    assert code == 2
    assert "在此情況下為必填，但未填寫；請補上後重傳。" in words
    assert "第6行" in words
    assert "整份" not in words


def test_json_holds_every_finding_and_the_ranking(run: Run) -> None:
    _, out, _ = run(TEXTS / "web.txt", "--format", "json", "--show-ids", "--by", "field")
    told = json.loads(out)
    (result,) = told["results"]
    assert (result["rejected"], result["rejected_found"]) == (2, 2)
    assert result["uploaded_at"] == "2023-10-20T12:00:00"
    assert [finding["M03"] for finding in result["findings"]] == ["A123456789"] * 3 + ["F131104093", "A123456789"]
    assert [row["field"] for row in told["ranking"]] == ["M33", "D05", "M16", "MB2"]


def test_csv_has_a_row_a_finding_of_all_files(run: Run) -> None:
    _, out, _ = run(TEXTS / "web.txt", TEXTS / "edition10.txt", "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert [row["edition"] for row in rows] == ["2.0"] * 5 + ["1.0"] * 4
    assert {row["A12"] for row in rows} == {"", "A******789"}


def test_unusable_files_are_told_and_the_others_are_read(run: Run, tmp_path: Path) -> None:
    empty = tmp_path / "empty.txt"
    empty.write_bytes(b"")
    code, out, told = run(TEXTS / "web.txt", empty, tmp_path / "missing.txt")
    assert code == 2
    assert "D024" in out
    assert told.count("nhicard: ") == 2


def test_output_never_takes_the_place_of_a_result(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "r.txt"
    file.write_bytes((TEXTS / "web.txt").read_bytes())
    assert run(file, "-o", file)[0] == 2
    assert file.read_bytes() == (TEXTS / "web.txt").read_bytes()
    assert run(file, "--format", "xlsx")[0] == 2


FORMULAS = ["=1+1", "+1+1", "@SUM(A1)", "-1+cmd", "\t=1", '=HYPERLINK("http://x")']
HARMLESS = ["-12", "0001", "-1.5", "M16", "http://x", "中"]


def test_cells_are_never_formulas(tmp_path: Path) -> None:
    frame = pl.DataFrame({"value": [*FORMULAS, *HARMLESS]})
    lines = list(csv.reader(io.StringIO(csv_text(frame))))[1:]
    assert [cell for (cell,) in lines] == [f"'{text}" for text in FORMULAS] + HARMLESS
    write_workbook(tmp_path / "a.xlsx", [("明細", frame)])
    read = pl.read_excel(tmp_path / "a.xlsx", schema_overrides={"value": pl.String})
    assert read["value"].to_list() == frame["value"].to_list()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("M03=[A123456789]", "M03=[A******789]"),
        ("病患 A800000014 重複", "病患 A******014 重複"),
        ("1A2B3C4D5E6F7G8H9J0K", "1A2B3C4D5E6F7G8H9J0K"),
    ],
)
def test_ids_in_free_text_are_masked(text: str, shown: str) -> None:
    assert masked_text(text) == shown
