"""``nhicard payload-keys`` and ``retention`` as an operator calls them, and the drill of backup and restore."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from tests.cli.homes import Home

CONTENTS = """
from nhicard.insurer.intake.models import Submission
from nhicard.insurer.intake.services.receiving import contents_of
import hashlib
found = list(Submission.objects.order_by("pk"))
print([hashlib.sha256(content).hexdigest() for _, content in sorted(contents_of(found).items())])
"""
KEPT = """
from nhicard.insurer.audit.models import Entry
from nhicard.insurer.intake.models import Payload, Submission
print(Payload.objects.count(), Submission.objects.count(), [e.subject for e in Entry.objects.order_by("number")])
"""


def test_a_new_key_is_added_then_everything_is_brought_under_it(filled: Home) -> None:
    before = filled.python(CONTENTS)
    assert "key in use: 1 / 1" in filled.well("payload-keys", "status")
    assert "added: 2" in filled.well("payload-keys", "add")
    assert "key in use: 1 / 2" in filled.well("payload-keys", "status")
    assert "re-encrypted now 2" in filled.well("payload-keys", "rotate")
    told = filled.well("payload-keys", "status")
    assert "key in use: 2 / 2" in told
    assert "under it: 2 " in told
    assert filled.python(CONTENTS) == before


@pytest.mark.parametrize("command", ["status", "rotate"])
def test_without_its_keys_nothing_is_made_up(filled: Home, command: str) -> None:
    (filled.folder / "keys" / "payload-keys.json").unlink()
    assert "payload-keys.json" in filled.refused("payload-keys", command)
    assert not (filled.folder / "keys" / "payload-keys.json").exists()


def test_what_is_kept_for_how_long_is_told_with_its_reason(filled: Home, tmp_path: Path) -> None:
    assert "payloads" in filled.well("retention", "list")
    (tmp_path / "own.toml").write_text("[payloads]\ndays = 30\n")
    assert "\n  30 日 days" in filled.well("retention", "list", "--policies", tmp_path / "own.toml")


def test_what_is_past_its_period_goes_with_a_proof_and_what_waits_stays(filled: Home, tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text("[payloads]\ndays = 30\n")
    shorter = ("retention", "run", "--policies", tmp_path / "own.toml")
    assert "payloads: 0 筆刪除 erased" in filled.well(*shorter), "nothing is checked yet"
    filled.well("worker", "--once")
    assert "payloads: 0 筆刪除 erased" in filled.well(*shorter, "--as-of", "2026-03-03")
    assert "payloads: 2 筆刪除 erased" in filled.well(*shorter)
    assert filled.python(KEPT).startswith("0 2 ['payloads'")
    assert "must not be later than now" in filled.refused(*shorter, "--as-of", "2999-01-01")


@pytest.mark.parametrize(
    ("policies", "says"),
    [("[nothing]\ndays = 1\n", "nothing"), ("not toml", "own.toml"), ("[payloads]\ndays = -1\n", "")],
)
def test_periods_that_cannot_be_used_erase_nothing(filled: Home, tmp_path: Path, policies: str, says: str) -> None:
    (tmp_path / "own.toml").write_text(policies)
    before = filled.rows()
    assert says in filled.refused("retention", "run", "--policies", tmp_path / "own.toml")
    assert filled.rows() == before


def test_the_drill_brings_everything_back(filled: Home, tmp_path: Path) -> None:
    """In a home of its own, for it refuses one that has uploads."""
    file = tmp_path / "upload.xml"
    command = [sys.executable, "-m", "nhicard", "generate", "--edition", "2.0", "--visits", "60", "-o", str(file)]
    subprocess.run(command, check=True, capture_output=True)
    drill = [sys.executable, "-m", "nhicard.insurer.operations.drill", str(file)]
    done = subprocess.run(drill, env=filled.environment, capture_output=True, text=True, check=False)
    assert "not empty" in done.stderr
    filled.python(
        "from nhicard.insurer.intake.models import *\nfor each in (Payload, Submission): each.objects.all().delete()"
    )
    done = subprocess.run(drill, env=filled.environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "60 visits" in done.stdout
    assert "everything is there again" in done.stdout
