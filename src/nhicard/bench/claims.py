"""The budget of claim files: ``python -m nhicard.bench.claims [CASES [ROUNDS]]``.

Reading a claim and applying every rule, against ``xmllint --stream --noout`` and against a per-case loop over lxml's
iterparse, on one made-up outpatient claim; each in a process of its own, ratios round by round, medians.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Final

from lxml import etree

from nhicard.bench.measure import machine, run_xmllint

AS_OF: Final = datetime(2023, 11, 5)
_TASK: Final = "--task"


def read(path: Path) -> int:
    """Read the whole claim."""
    from nhicard.formats.claims import read as read_claims

    return read_claims(path).cases.height


def check(path: Path) -> int:
    """Read the whole claim and apply every rule."""
    from nhicard.checks.claims import ClaimContext
    from nhicard.checks.claims import check as check_claims
    from nhicard.formats.claims import read as read_claims

    return check_claims(read_claims(path), ClaimContext(AS_OF)).cases


def iterparse(path: Path) -> int:
    """A per-case loop as a careful programmer writes it: lxml iterparse to dicts, nothing checked."""
    cases = 0
    for _, case in etree.iterparse(str(path), tag="ddata", huge_tree=False):
        values = {child.tag: child.text for part in case for child in part if child.tag != "pdata"}
        orders = [{child.tag: child.text for child in order} for order in case.iterfind("dbody/pdata")]
        cases += bool(values) and orders is not None
        case.clear()
        while case.getprevious() is not None:
            del case.getparent()[0]
    return cases


TASKS: Final[dict[str, Callable[[Path], int]]] = {"read": read, "check": check, "iterparse": iterparse}


def _task(name: str, path: Path) -> None:
    """Run one task, warm, and print its seconds."""
    if name != "iterparse":
        TASKS[name](path)  # compile and load before the clock starts
    start = time.perf_counter()
    cases = TASKS[name](path)
    print(json.dumps({"seconds": time.perf_counter() - start, "cases": cases}))  # noqa: T201


def _seconds(name: str, path: Path) -> float:
    program = [sys.executable, "-m", "nhicard.bench.claims", _TASK, name, str(path)]
    return float(json.loads(subprocess.run(program, capture_output=True, text=True, check=True).stdout)["seconds"])


def main() -> None:
    """Measure and print the figures, or run one task."""
    if sys.argv[1:2] == [_TASK]:
        _task(sys.argv[2], Path(sys.argv[3]))
        return
    cases = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    from nhicard.formats.claims.writer import write_slices
    from nhicard.synthetic.claims import generate_claims

    with tempfile.TemporaryDirectory(prefix="nhicard-bench-") as folder:
        path = Path(folder) / "claim.xml"
        claims = generate_claims("outpatient", cases, 1, AS_OF)
        with path.open("wb") as stream:
            stream.writelines(write_slices(claims))
        size, orders = path.stat().st_size, claims.orders.height
        del claims
        times: dict[str, list[float]] = {name: [] for name in (*TASKS, "xmllint")}
        for _ in range(rounds):
            for name in TASKS:
                times[name].append(_seconds(name, path))
            if (linted := run_xmllint(path)) is not None:
                times["xmllint"].append(linted)
    head = f"{size / 2**20:.0f} MB, {cases:,} cases, {orders:,} orders; {rounds} rounds, medians; {machine()}"
    print(head)  # noqa: T201
    if times["xmllint"]:
        for name in ("check", "read"):
            print(f"{name} / xmllint --stream --noout: {_ratio(times, name, 'xmllint'):.2f}")  # noqa: T201
    print(f"lxml iterparse / check: {_ratio(times, 'iterparse', 'check'):.1f}")  # noqa: T201
    for name, values in times.items():
        if values:
            print(f"  {name}: {statistics.median(values):.2f} s")  # noqa: T201


def _ratio(times: dict[str, list[float]], above: str, below: str) -> float:
    return statistics.median(a / b for a, b in zip(times[above], times[below], strict=True))


if __name__ == "__main__":
    main()
