"""``nhicard demo``: the insurer, a worker and a reader as processes, a week's visits through them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def test_a_week_goes_through_the_running_insurer(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "nhicard", "demo", "--folder", str(tmp_path / "week"), "--visits", "60"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("收據 receipt") == 2
    assert "收檔就醫筆數[60]" in done.stdout
    assert "(B)/(A)" in done.stdout
    for log in ("insurer.log", "worker.log", "reader.log"):
        assert "Traceback" not in (tmp_path / "week" / log).read_text(encoding="utf-8")
