"""A worker's backlog against ``nhicard check`` on the same visits: ``python -m nhicard.bench.backlog``.

Keeps the visits as uploads on the database of ``DATABASE_URL`` (``tools/with_postgresql.py`` gives one; SQLite without
it), once as one file and once as many, and lets a worker in this process check them: read, rules, history, and
everything written. The ratio is to reading and checking the same file alone.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

from nhicard.checks import Context
from nhicard.checks.files import check_file
from nhicard.formats import read
from nhicard.formats.batch import Batch
from nhicard.formats.writer import write
from nhicard.synthetic import generate
from nhicard.synthetic.generator import slices

_NOW: Final = datetime(2023, 10, 23, 12)
_MOST_REFUSED: Final = 0.05


def run(visits: int, a_file: int, home: Path) -> dict[str, float]:
    """Seconds and ratios; the home is made for it."""
    os.environ["NHICARD_INSURER_HOME"] = str(home)
    os.environ.setdefault("NHICARD_LOG_LEVEL", "WARNING")
    from nhicard.insurer import serving

    serving.set_up_django()
    serving.set_up()
    figures: dict[str, float] = {"visits": visits}
    whole = write(generate("2.0", visits, 7, _NOW))
    _check(write(generate("2.0", 100, 8, _NOW)))  # compiled and imported
    alone = figures["check, s"] = timed(lambda: _check(whole))
    for name, files in (("one file", [whole]), (f"files of {a_file} visits", _files(visits, a_file))):
        seconds = worked(files, visits)
        figures |= {
            f"worker, {name}, s": seconds,
            f"worker, {name}, visits a second": visits / seconds,
            f"worker, {name} / check": seconds / alone,
        }
    return figures


def _files(visits: int, a_file: int) -> list[bytes]:
    """Other visits than those of the one file, so that none is a duplicate."""
    made: list[bytes] = []
    for batch in slices("2.0", visits, 9, _NOW):
        made += [write(_part(batch, first, a_file)) for first in range(0, batch.visits.height, a_file)]
    return made


def _part(batch: Batch, first: int, length: int) -> Batch:
    rows = batch.visits[first : first + length]
    orders = batch.orders.filter((batch.orders["visit"] >= first) & (batch.orders["visit"] < first + length))
    return Batch(batch.edition, rows, orders.with_columns(visit=orders["visit"] - first))


def _check(content: bytes) -> None:
    for _ in check_file(content, Context(as_of=_NOW)):
        pass


def worked(files: Sequence[bytes], visits: int) -> float:
    """Seconds a worker takes from the first claim until the queue is empty."""
    from django.db.models import Count, Sum

    from nhicard.insurer.intake.kinds import Channel
    from nhicard.insurer.intake.models import State, Submission
    from nhicard.insurer.intake.services.receiving import Upload, receive
    from nhicard.insurer.intake.worker import Worker

    for content in files:
        institution = str(read(content).visits["M05"][0])
        receive(Upload(institution, "A" * 12, Channel.WEB_API, "A2", content), _NOW)
    worker = Worker(lambda: Context(as_of=_NOW))

    def until_empty() -> None:
        while worker.once():
            pass

    seconds = timed(until_empty)
    checked = Submission.objects.filter(state=State.CHECKED).aggregate(files=Count("id"), refused=Sum("rejected"))
    # some prescriptions dispensed here were never issued here, so that a few records are rejected (D037)
    if checked["files"] != Submission.objects.count() or checked["refused"] > visits * _MOST_REFUSED:
        raise RuntimeError(f"of {Submission.objects.count()} submissions came {checked}")
    return seconds


def timed(work: Callable[[], None]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def main() -> None:
    """Command line of the module."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--visits", type=int, default=100_000)
    parser.add_argument("--visits-a-file", type=int, default=100)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="nhicard-backlog-") as folder:
        for name, value in run(chosen.visits, chosen.visits_a_file, Path(folder) / "insurer").items():
            print(f"{name:45} {value:10.1f}")  # noqa: T201  # what the command is for


if __name__ == "__main__":
    main()
