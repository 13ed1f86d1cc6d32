"""``nhicard demo``: insurer, worker and three control softwares as processes, three institutions up to 100 %."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path


def test_three_institutions_come_to_100_per_cent(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "nhicard", "demo", "--folder", str(tmp_path / "week"), "--visits", "300"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    shares = re.findall(r"合計 total\s*│\s*([\d,]+)\s*│\s*([\d,]+)\s*│", done.stdout)
    assert len(shares) == 6, "three institutions, before and after"
    assert any(a != b for a, b in shares[:3]), "the mistakes show"
    assert all(a == b for a, b in shares[3:]), "and are mended"
    assert "D066" in done.stdout or "D002" in done.stdout
    assert "收檔就醫筆數" in done.stdout, "a result as the insurer gives it"
    for log in tmp_path.glob("week/**/*.log"):
        assert "Traceback" not in log.read_text(encoding="utf-8"), log.name
