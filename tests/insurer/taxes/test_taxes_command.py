"""``nhicard taxes``: load, produce, print."""

from __future__ import annotations

import stat
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from tests.insurer.taxes.tax_world import CLINIC, NOW, OWNER, YEAR, clinic, months, table
from tests.insurer.taxes.test_taxes_documents import pages
from typer.testing import CliRunner

from nhicard.cli.app import app
from nhicard.insurer import clock
from nhicard.insurer.taxes.models import Document, Load

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def usable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOW)
    monkeypatch.setattr("nhicard.insurer.serving.set_up_django", lambda: None)
    monkeypatch.setattr("nhicard.insurer.operations.database.why_unusable", lambda: "")


def run(*arguments: object) -> Any:
    return CliRunner().invoke(app, ["taxes", *map(str, arguments)])


@pytest.fixture
def files(tmp_path: Path) -> Path:
    clinic(until=date(2025, 9, 30))
    (tmp_path / "payments.csv").write_bytes(table("payments", *months()))
    (tmp_path / "owners.csv").write_bytes(table("owners", {}))
    return tmp_path


def test_from_the_files_to_the_letters(files: Path) -> None:
    for name in ("payments", "owners"):
        assert run("load", name, files / f"{name}.csv").exit_code == 0
    done = run("produce", "--year", YEAR)
    assert done.exit_code == 0, done.output
    assert "新增 new 3" in done.output
    assert "剩 10 天" in done.output
    assert "未變 unchanged 3" in run("produce", "--year", YEAR).output
    printed = files / "letters.pdf"
    assert run("paper", "--year", YEAR, "--division", 1, "-o", printed).exit_code == 0
    assert stat.S_IMODE(printed.stat().st_mode) == 0o600
    assert OWNER in pages(printed.read_bytes())[1]
    assert "沒有應寄紙本" in run("paper", "--year", YEAR, "--division", 2, "-o", files / "none.pdf").output
    assert not (files / "none.pdf").exists()


def test_a_bad_file_is_told_line_by_line(files: Path) -> None:
    bad = files / "bad.csv"
    bad.write_bytes(table("payments", {}, {"fee_month": "11402", "total": "1"}))
    done = run("load", "payments", bad)
    assert done.exit_code == 1
    assert "第 3 行 line 3  合計「1」應等於診察費＋藥費＋藥服費＋診療費" in done.output
    assert not Load.objects.exists()


def test_an_institution_without_an_owner_is_named(files: Path) -> None:
    run("load", "payments", files / "payments.csv")
    done = run("produce", "--year", YEAR)
    assert done.exit_code == 1
    assert CLINIC in done.output
    assert not Document.objects.exists()


@pytest.mark.parametrize(("year", "as_of"), [(YEAR + 1, "2026-04-20"), (YEAR, "2026-04-21"), (YEAR, "2025-12-31")])
def test_days_that_cannot_be(year: int, as_of: str) -> None:
    assert run("produce", "--year", year, "--as-of", as_of).exit_code == 2
