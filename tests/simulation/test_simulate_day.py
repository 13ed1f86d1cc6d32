"""A tiny day on the real services: everything has a receipt and a result, and the recount finds what is missing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SCALE, SECONDS = "0.00012", "8"  # a hundred and forty visits of five institutions


@pytest.mark.soak
def test_nothing_is_lost(tmp_path: Path) -> None:
    """On SQLite, for the database of the tests is not empty and belongs to others."""
    command = ["simulate-day", "-o", str(tmp_path / "report"), "--scale", SCALE, "--seconds", SECONDS]
    environment = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    done = subprocess.run(
        [sys.executable, "-m", "nhicard", *command], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    told = json.loads((tmp_path / "report" / "simulation.json").read_text())
    assert set(told["losses"].values()) == {0}
    assert told["records"] >= told["visits"] > 100
    assert told["seconds to the result"]["p99"] >= told["seconds to the receipt"]["p50"] > 0
    assert (told["queue (second, waiting, age, results)"])[-1][3] == told["uploads"]
    assert (tmp_path / "report" / "simulation.svg").read_text().startswith("<svg")
