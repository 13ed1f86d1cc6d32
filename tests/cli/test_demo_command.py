"""``nhicard demo``: insurer, worker and three control softwares as processes, five institutions, each at its step."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path


def test_each_institution_comes_to_its_step(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "nhicard", "demo", "--folder", str(tmp_path / "week"), "--visits", "1200"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    shares = re.findall(r"合計 total\s*│\s*([\d,]+)\s*│\s*([\d,]+)\s*│", done.stdout)
    assert len(shares) == 10, "five institutions, before and after"
    assert any(a != b for a, b in shares[:5]), "the mistakes show"
    assert all(a == b for a, b in shares[5:9]), "and are mended"
    assert shares[9][0] != shares[9][1], "but for the pharmacy's"
    assert "4 家符合 qualified, 1 家未達 not yet" in done.stdout
    steps = re.findall(r"│ 測試(\S+).*?│ (是 yes|–)\s+│ (\d{12}|–)", done.stdout)
    assert [name for name, qualified, _ in steps if qualified != "–"] == ["醫院", "診所", "牙醫診所", "中醫診所"]
    assert [name for name, _, case in steps if case != "–"] == ["醫院", "診所", "牙醫診所"]
    assert ".png: verified" in done.stdout
    assert re.search(r"測試醫院 1101990006\s+│ G H H1 H2 H3 │ 12,000", done.stdout), done.stdout
    assert "D066" in done.stdout or "D002" in done.stdout
    assert "收檔就醫筆數" in done.stdout, "a result as the insurer gives it"
    for log in tmp_path.glob("week/**/*.log"):
        assert "Traceback" not in log.read_text(encoding="utf-8"), log.name
