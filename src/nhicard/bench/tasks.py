"""What is measured, each as a command of its own: ``python -m nhicard.bench.tasks TASK FILE``.

A task runs in a fresh process, does its work twice after start-up and prints, as JSON, the seconds of the second
time (so that compiled code and caches are warm) and its peak memory.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from lxml import etree

AS_OF: Final = datetime(2023, 10, 23, 12, 0)


def read(path: Path) -> int:
    """Read every record, slice by slice."""
    from nhicard.formats import scan

    return sum(batch.visits.height for batch in scan(path))


def check(path: Path) -> int:
    """Read every record and apply every rule."""
    from nhicard.checks.context import Context
    from nhicard.checks.files import check_file

    return sum(part.records for part in check_file(path, Context(as_of=AS_OF)))


def iterparse(path: Path) -> int:
    """A per-record loop as a careful programmer writes it: lxml iterparse to dicts, nothing checked."""
    records = 0
    for _, record in etree.iterparse(str(path), tag="REC", huge_tree=False):
        visit = {child.tag: child.text for part in ("MSH", "MB/MB1") for child in record.find(part)}
        orders = [{child.tag: child.text for child in order} for order in record.iterfind("MB/MB2")]
        records += bool(visit) and orders is not None
        record.clear()
        while record.getprevious() is not None:
            del record.getparent()[0]
    return records


def schema(path: Path) -> int:
    """lxml with an XSD made from the field tables: structure and lengths only."""
    from nhicard.bench.schema import xsd

    head = path.open("rb").read(4096)
    rules = etree.XMLSchema(etree.fromstring(xsd("2.0" if b"<H00>" in head else "1.0")))
    tree = etree.parse(str(path))
    rules.validate(tree)
    return len(tree.getroot())


TASKS: Final[dict[str, Callable[[Path], int]]] = {
    "read": read,
    "check": check,
    "iterparse": iterparse,
    "schema": schema,
}


def single_visit(_: Path) -> dict[str, Any]:
    """Milliseconds of checking one visit in process, median of many."""
    from nhicard.checks import Context
    from nhicard.checks import check as check_batch
    from nhicard.synthetic import generate

    batch = generate("2.0", visits=1, seed=1, as_of=AS_OF)
    context = Context(as_of=AS_OF)
    for _warm in range(5):
        check_batch(batch, context)
    times = []
    for _round in range(40):
        start = time.perf_counter()
        check_batch(batch, context)
        times.append(time.perf_counter() - start)
    return {"milliseconds": sorted(times)[len(times) // 2] * 1000}


def main() -> None:
    """Run one task."""
    name, path = sys.argv[1], Path(sys.argv[2])
    if name == "single":
        print(json.dumps(single_visit(path)))  # noqa: T201
        return
    task = TASKS[name]
    records = task(path) if name in ("read", "check") else 0  # compile and load before the clock starts
    start = time.perf_counter()
    records = task(path)
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"seconds": seconds, "records": records, "peak": peak}))  # noqa: T201


if __name__ == "__main__":
    main()
