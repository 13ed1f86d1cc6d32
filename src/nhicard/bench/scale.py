"""The lake and rechecks at one and two processors: ``python -m nhicard.bench.scale``.

Receives visits as uploads of many institutions (database of ``DATABASE_URL``, SQLite without it), lets a worker check
them, exports the day, and checks it again under other assumptions: in this process, on a Ray cluster of one node with
one processor, and on one of two such nodes. The nodes are real Ray nodes of this machine.
"""

from __future__ import annotations

import argparse
import logging
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from nhicard.checks import Context
from nhicard.formats import assumptions
from nhicard.formats.batch import chosen
from nhicard.formats.writer import write
from nhicard.scale import lake as lakes
from nhicard.scale import period as periods
from nhicard.scale import rules
from nhicard.scale.engines import Engine, Local, Ray
from nhicard.scale.period import Period
from nhicard.synthetic import generate

_NOW: Final = datetime(2023, 10, 23, 12)
_STORE: Final = 80 << 20
#: Some 70 % of the visits reject under it, so that the report has much to tell.
_OTHER_RULES: Final = {"unsigned_orders": ()}


def run(visits: int, days: int, institutions: int, buckets: int, rounds: int, folder: Path) -> dict[str, float]:
    """Seconds, visits a second, bytes a visit; of repeated runs the fastest."""
    lake, figures = folder / "lake", {"visits a day": float(visits), "days": float(days)}
    figures |= _exported(visits, institutions, buckets, folder / "insurer", lake)
    last = _repeated(lake, days)
    values = assumptions.load({name: list(value) for name, value in _OTHER_RULES.items()})
    asked = Period(lake, _NOW.date(), last, rules.edition(values))
    places = iter(range(1000))

    def best(engine: Engine) -> float:
        return min(_timed(lambda: periods.recheck(asked, engine, folder / f"out{next(places)}")) for _ in range(rounds))

    best(Local())  # compiled and imported
    figures["recheck, this process, s"] = best(Local())
    for nodes in (1, 2):
        with _cluster(nodes) as address:
            engine = Ray(address)
            best(engine)  # the nodes' processes are there
            figures[f"recheck, Ray, {nodes} x 1 processor, s"] = best(engine)
    one, two = (figures[f"recheck, Ray, {nodes} x 1 processor, s"] for nodes in (1, 2))
    return figures | {"one / two": one / two, "visits a second a processor": visits * days / one}


def _exported(visits: int, institutions: int, buckets: int, home: Path, lake: Path) -> dict[str, float]:
    """Receive, check and export a day."""
    os.environ["NHICARD_INSURER_HOME"] = str(home)
    os.environ.setdefault("NHICARD_LOG_LEVEL", "WARNING")
    from nhicard.insurer import serving

    serving.set_up_django()
    serving.set_up()
    from nhicard.insurer.intake.kinds import Channel
    from nhicard.insurer.intake.services.receiving import Upload, receive
    from nhicard.insurer.intake.worker import Worker
    from nhicard.insurer.lake.export import export

    batch = generate("2.0", visits, 7, _NOW, institutions=institutions)
    owner, size = batch.visits["M05"], 0
    for code in owner.unique().sort():
        content = write(chosen(batch, owner == code))
        size += len(content)
        receive(Upload(code, "A" * 12, Channel.WEB_API, "A2", content), _NOW)
    worker = Worker(lambda: Context(as_of=_NOW))
    while worker.once():
        pass
    seconds = _timed(lambda: export(_NOW.date(), lake, _NOW + timedelta(days=1), buckets))
    stored = sum(path.stat().st_size for path in lake.rglob("*.parquet"))
    return {
        "XML, bytes a visit": size / visits,
        "lake, bytes a visit": stored / visits,
        "export, s": seconds,
        "export, visits a second": visits / seconds,
    }


def _repeated(lake: Path, days: int) -> date:
    """The same uploads as if they had come on as many days; the last of them."""
    first = lakes.day_of(lake, _NOW.date())
    assert first
    for ahead in range(1, days):
        day = first.day + timedelta(days=ahead)
        moved = [replace(each, place=replace(each.place, day=day)) for each in first.partitions]
        for each, other in zip(first.partitions, moved, strict=True):
            shutil.copytree(lake / each.folder, lake / other.folder)
        lakes.publish(lake, replace(first, day=day, partitions=tuple(moved)))
    return first.day + timedelta(days=days - 1)


@contextmanager
def _cluster(nodes: int) -> Iterator[str]:
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    import ray
    from ray.cluster_utils import Cluster

    options: dict[str, Any] = {"num_cpus": 1, "object_store_memory": _STORE}
    made = Cluster(initialize_head=True, head_node_args=options | {"include_dashboard": False})
    for _ in range(nodes - 1):
        made.add_node(**options)
    ray.init(
        address=made.address,
        log_to_driver=False,
        logging_level=logging.WARNING,
        runtime_env={"env_vars": {"POLARS_MAX_THREADS": "1"}},
    )
    try:
        yield made.address
    finally:
        ray.shutdown()
        made.shutdown()  # type: ignore[no-untyped-call]


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def main() -> None:
    """Command line of the module."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--visits", type=int, default=24_000, help="a day")
    parser.add_argument("--days", type=int, default=10, help="the day exported, repeated")
    parser.add_argument("--institutions", type=int, default=40)
    parser.add_argument("--buckets", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="nhicard-scale-") as folder:
        figures = run(**vars(given), folder=Path(folder))
        for name, value in figures.items():
            print(f"{name:45} {value:12.2f}")  # noqa: T201  # what the command is for


if __name__ == "__main__":
    main()
