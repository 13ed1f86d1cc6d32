"""Running the tasks several times, in turn, and working out the ratios of the budgets."""

from __future__ import annotations

import json
import resource
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nhicard.bench.tasks import TASKS


@dataclass(frozen=True, slots=True)
class Row:
    """One budget: what was measured, the figure, the budget, and whether it was kept."""

    what: str
    figure: str
    budget: str
    kept: bool | None


@dataclass(frozen=True, slots=True)
class Result:
    """All figures of a run. ``seconds`` holds the median of each task over the rounds."""

    file_bytes: int
    records: int
    orders: int
    rounds: int
    seconds: dict[str, float]
    rows: tuple[Row, ...]


def run_task(name: str, path: Path) -> dict[str, Any]:
    """One task in a fresh process."""
    done = subprocess.run(
        [sys.executable, "-m", "nhicard.bench.tasks", name, str(path)],
        capture_output=True,
        text=True,
        check=True,
    )
    return dict(json.loads(done.stdout))


def run_xmllint(path: Path) -> float | None:
    """Seconds of ``xmllint --stream --noout``; None where it is not installed."""
    program = shutil.which("xmllint")
    if program is None:
        return None
    start = time.perf_counter()
    subprocess.run([program, "--stream", "--noout", str(path)], check=True, capture_output=True)
    return time.perf_counter() - start


def whole_process(arguments: list[str]) -> tuple[float, int]:
    """Seconds and peak bytes of ``nhicard`` with these arguments, as a process of its own."""
    program = (
        "import resource, subprocess, sys, time; start = time.perf_counter();"
        "subprocess.run([sys.executable, '-m', 'nhicard', *sys.argv[1:]], stdout=subprocess.DEVNULL, check=False);"
        "print(time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024)"
    )
    done = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True)
    seconds, peak = done.stdout.split()
    return float(seconds), int(peak)


def measure(large: Path, small: Path, orders: int, rounds: int, tell: Callable[[str], None]) -> Result:
    """Measure everything on a large file and one of ten records; ``tell`` is told what is under way."""
    size = large.stat().st_size
    times: dict[str, list[float]] = {name: [] for name in (*TASKS, "xmllint")}
    records = 0
    for number in range(1, rounds + 1):
        for name in TASKS:
            tell(f"round {number}/{rounds}: {name}")
            done = run_task(name, large)
            times[name].append(done["seconds"])
            records = done["records"] or records
        tell(f"round {number}/{rounds}: xmllint")
        linted = run_xmllint(large)
        if linted is not None:
            times["xmllint"].append(linted)
    tell("memory of nhicard check")
    _, peak = whole_process(["check", str(large), "--as-of", "2023-10-23T12:00"])
    tell("nhicard check of ten records")
    whole_process(["check", str(small)])
    process = statistics.median(whole_process(["check", str(small)])[0] for _ in range(rounds))
    tell("one visit in process")
    single = run_task("single", large)["milliseconds"]
    seconds = {name: statistics.median(values) for name, values in times.items() if values}
    return Result(size, records, orders, rounds, seconds, tuple(_rows(times, seconds, size, peak, process, single)))


def _ratio(times: dict[str, list[float]], above: str, below: str) -> float:
    """Median of the ratios round by round, so that a slow spell of the machine hits both."""
    return statistics.median(a / b for a, b in zip(times[above], times[below], strict=True))


def _rows(
    times: dict[str, list[float]],
    seconds: dict[str, float],
    size: int,
    peak: int,
    process: float,
    single: float,
) -> list[Row]:
    rows = []
    if "xmllint" in seconds:
        against = _ratio(times, "check", "xmllint")
        rows.append(
            Row(
                "read + every rule / xmllint --stream --noout",
                f"{against:.2f}",
                "≤ 1.0 (aim 0.5)",
                against <= 1,
            )
        )
        rows.append(Row("read alone / xmllint --stream --noout", f"{_ratio(times, 'read', 'xmllint'):.2f}", "—", None))
    else:
        rows.append(Row("read + every rule / xmllint --stream --noout", "xmllint is not installed", "≤ 1.0", None))
    faster = _ratio(times, "iterparse", "check")
    rows.append(Row("lxml iterparse to dicts / read + every rule", f"{faster:.1f}", "≥ 5", faster >= 5))
    rows.append(Row("lxml + XSD / read + every rule", f"{_ratio(times, 'schema', 'check'):.1f}", "—", None))
    allowed = min(4 * size + 150 * 2**20, 600 * 2**20)
    rows.append(
        Row(
            "peak memory of nhicard check",
            f"{peak / 2**20:.0f} MB",
            f"≤ {allowed / 2**20:.0f} MB",
            peak <= allowed,
        )
    )
    rows.append(Row("nhicard check of ten records, whole process", f"{process:.2f} s", "≤ 1.0 s", process <= 1))
    rows.append(Row("one visit checked in process", f"{single:.1f} ms", "≤ 25 ms", single <= 25))
    return rows


def machine() -> str:
    """One line about the machine, for the record."""
    import os
    import platform

    cores = len(os.sched_getaffinity(0))
    memory = resource.getpagesize() * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{platform.machine()}, {cores} cores, {memory:.0f} GB, Python {platform.python_version()}"
