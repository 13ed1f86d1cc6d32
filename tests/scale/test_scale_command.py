"""``nhicard recheck`` as an operator calls it: exit codes and what is said."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from nhicard.cli.app import app

SAME = ""
OTHER = "[assumptions]\nunsigned_orders = []\n"
UNKNOWN = "[assumptions]\nunsigned = []\n"


@pytest.mark.parametrize(
    ("settings", "last", "code", "said"),
    [
        (SAME, "2023-10-23", 0, "now rejected: 0"),
        (OTHER, "2023-10-23", 1, "AA03"),
        (OTHER, "2023-10-25", 2, "2023-10-24"),
        (OTHER, "2023-10-01", 2, "before"),
        (UNKNOWN, "2023-10-23", 2, "unsigned_orders"),
    ],
)
def test_exit_codes(lake: Path, tmp_path: Path, settings: str, last: str, code: int, said: str) -> None:
    file = tmp_path / "nhicard.toml"
    file.write_text(settings, encoding="utf-8")
    arguments = ["recheck", "--lake", lake, "--from", "2023-10-22", "--to", last, "-o", tmp_path / "out"]
    done = CliRunner().invoke(app, [*map(str, arguments), "--settings", str(file)])
    assert done.exit_code == code, done.output
    assert said in done.output


def test_once_more_does_nothing_anew(lake: Path, tmp_path: Path) -> None:
    arguments = ["recheck", "--lake", lake, "--from", "2023-10-22", "--to", "2023-10-22", "-o", tmp_path / "out"]
    first, second = (CliRunner().invoke(app, list(map(str, arguments))) for _ in range(2))
    assert first.stdout == second.stdout
    assert "finished before" in second.stderr
    assert "finished before" not in first.stderr
