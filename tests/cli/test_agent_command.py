"""``nhicard agent``: set up, run without anybody answering, look at what waits."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from nhicard.cli.app import app
from nhicard.formats import rocdate, write
from nhicard.institution.outbox import Outbox
from nhicard.institution.visits import read20, write20
from nhicard.synthetic import generate

RUNNER = CliRunner()


def agent(home: Path, *arguments: str) -> Result:
    return RUNNER.invoke(app, ["agent", *arguments, "--home", str(home)])


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """An agent's folder with a file of the HIS in it; nobody listens where insurer and reader are said to be."""
    folder = tmp_path / "agent"
    nobody = ["--insurer", "https://127.0.0.1:9", "--reader", "https://127.0.0.1:9"]
    made = agent(folder, "init", "3501200000", *nobody)
    assert made.exit_code == 0, made.output
    path = folder / "in" / "visits.xml"
    path.write_bytes(write(write20(read20(generate("2.0", 40, 3, rocdate.now())))))
    os.utime(path, (1, 1))
    return folder


def test_without_anybody_answering_everything_waits_and_nothing_is_lost(home: Path) -> None:
    done = agent(home, "run", "--once")
    assert done.exit_code == 0, done.output
    assert list((home / "in" / "taken").iterdir())
    told = agent(home, "status").output
    assert "1.0" in told
    assert "ready: tried 1" in " ".join(told.split())
    with Outbox(home / "outbox.sqlite3") as outbox:
        assert outbox.rows("SELECT count(*) FROM visit") == [(40,)]
    assert "2" in agent(home, "retry").output


def test_one_visit_is_shown_without_its_person(home: Path) -> None:
    agent(home, "run", "--once")
    with Outbox(home / "outbox.sqlite3") as outbox:
        ((content,),) = outbox.rows("SELECT content FROM visit WHERE id = 1")
    shown = agent(home, "show", "1")
    assert shown.exit_code == 0
    assert "類別" in shown.output
    assert content.split('"patient_id":"')[1][:10] not in shown.output
    assert agent(home, "show", "999").exit_code == 2
    assert agent(home, "show", "x").exit_code == 2


def test_findings_can_be_exported(home: Path, tmp_path: Path) -> None:
    agent(home, "run", "--once")
    for name in ("errors.csv", "errors.xlsx"):
        assert agent(home, "export", str(tmp_path / name)).exit_code == 0
        assert (tmp_path / name).stat().st_size > 0
    assert agent(home, "errors", "--by", "staff").exit_code == 0
    assert agent(home, "errors", "--by", "colour").exit_code == 2


def test_the_switch_is_kept_and_taken_back(home: Path) -> None:
    assert "2023-12-01" in agent(home, "switch", "2023-12-01T00:00").output
    with Outbox(home / "outbox.sqlite3") as outbox:
        assert str(outbox.switched_at) == "2023-12-01 00:00:00"
    agent(home, "switch", "never")
    with Outbox(home / "outbox.sqlite3") as outbox:
        assert outbox.switched_at is None
    assert agent(home, "switch", "soon").exit_code == 2


def test_settings_that_are_missing_or_wrong_are_told(tmp_path: Path, home: Path) -> None:
    missing = agent(tmp_path / "nowhere", "status")
    assert (missing.exit_code, "agent init" in missing.output) == (2, True)
    again = agent(home, "init", "3501200000", "--insurer", "https://127.0.0.1:9")
    assert again.exit_code == 2
    (home / "agent.toml").write_text("institution = 1\n", encoding="utf-8")
    wrong = agent(home, "status")
    assert (wrong.exit_code, "institution" in wrong.output) == (2, True)
