"""Worker processes for the fault tests, each on the database of its environment: ``python -m ... WHAT [NUMBER...]``.

``kills N...``: one worker after the other, each ended by SIGKILL at its N-th database statement, before or after the
statement by turns; how many were killed. ``receives FIRST N...``: the same of processes that receive uploads, with the
receipts that they gave. ``drain``: a worker that works until nothing is left; how many submissions that were.
``together N``: N of these at once, with small batches. ``deadly``: one after the other until one comes to the end, each
killed where it reads a file that bears ``DEADLY``; how many were killed. ``terminated``: the worker of the command
line, which gets SIGTERM during its first batch.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from typing import IO, Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "nhicard.insurer.settings")
django.setup()

from django.db import connection  # noqa: E402  # needs Django
from tests.insurer.faults.uploads import DEADLY, NOON, UPLOADS, uploads  # noqa: E402

from nhicard.checks.context import Context  # noqa: E402
from nhicard.checks.reference import References  # noqa: E402
from nhicard.formats import together as reading  # noqa: E402
from nhicard.insurer import clock, serving  # noqa: E402
from nhicard.insurer.intake.services import claiming, receiving  # noqa: E402
from nhicard.insurer.intake.worker import Worker  # noqa: E402

#: The claim of a worker that is dead has run out when the next one looks.
RUN_OUT = timedelta(seconds=-1)


def context() -> Context:
    """No lists: only what the records themselves say, and what is on record."""
    return Context(as_of=NOON, references=References())


def drain(lease: timedelta = claiming.LEASE) -> int:
    """Work until nothing is left to take; how many submissions that were."""
    works = Worker(context, lease=lease)
    done = 0
    while more := works.once():
        done += more
    return done


def kills(*moments: int) -> int:
    """How many were indeed killed; the others had nothing left to do before their moment."""
    return sum(_killed(_at(moment, after=place % 2 == 0)) for place, moment in enumerate(moments))


def deadly() -> int:
    """How many were killed before one came to the end."""
    killed = 0
    while _killed(_reading()):
        killed += 1
    return killed


def receives(first: int, *moments: int) -> dict[str, Any]:
    """Kept uploads, sent anew by one process after the other: how many were killed, the receipts that were given."""
    ours, its = os.pipe()

    def give_receipts() -> None:
        for each in uploads(UPLOADS, first):
            os.write(its, f"{receiving.receive(each, NOON).receipt}\n".encode())

    killed, given = 0, b""
    for place, moment in enumerate(moments):
        killed += _killed(_at(moment, after=place % 2 == 0), give_receipts)
        os.write(its, b"\n")  # so that there is something to read
        given += os.read(ours, 1 << 16)
    return {"killed": killed, "receipts": sorted(set(given.decode().split("\n")) - {""})}


def together(number: int) -> list[int]:
    """How many submissions each of so many simultaneous workers checked."""
    claiming.BATCH_SUBMISSIONS = 4  # type: ignore[misc]
    reports = [_reporting() for _ in range(number)]
    return [int(report.read()) for report in reports]


def _reporting() -> IO[str]:
    """A forked worker; what it did comes through the pipe."""
    ours, its = os.pipe()
    if not os.fork():
        with os.fdopen(its, "w") as report:
            report.write(str(drain()))
        os._exit(0)
    os.close(its)
    return os.fdopen(ours)


def _killed(deadly: AbstractContextManager[Any], work: Callable[[], object] = lambda: drain(RUN_OUT)) -> bool:
    """Whether a forked process with this danger in its work was killed."""
    child = os.fork()  # nothing runs yet in this process: no connection, no thread of polars
    if child:
        return os.WIFSIGNALED(os.waitpid(child, 0)[1])
    with deadly:
        work()
    os._exit(0)


def _at(moment: int, *, after: bool) -> AbstractContextManager[None]:
    return connection.execute_wrapper(_deadly(moment, after=after))


@contextmanager
def _reading() -> Iterator[None]:
    read_alone = reading.__dict__["read"]

    def read(content: bytes, **options: Any) -> Any:
        if DEADLY in content:
            os.kill(os.getpid(), signal.SIGKILL)
        return read_alone(content, **options)

    setattr(reading, "read", read)  # noqa: B010  # not the module's own name
    yield


def _deadly(moment: int, *, after: bool) -> Callable[..., Any]:
    count = 0

    def execute(run: Callable[..., Any], *statement: Any) -> Any:
        nonlocal count
        count += 1
        if count == moment and not after:
            os.kill(os.getpid(), signal.SIGKILL)
        result = run(*statement)
        if count == moment:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    return execute


def terminated() -> None:
    """Ends as the command does."""
    from nhicard.cli import insurer

    def interrupted() -> Context:
        os.kill(os.getpid(), signal.SIGTERM)
        return context()

    serving.check_context = interrupted
    insurer.worker(home=None, once=False, pause=0.01)


if __name__ == "__main__":
    clock.now = lambda: NOON
    what, *numbers = sys.argv[1:]
    works: dict[str, Callable[..., Any]] = {
        each.__name__: each for each in (kills, receives, drain, together, deadly, terminated)
    }
    sys.stdout.write(f"{json.dumps(works[what](*map(int, numbers)))}\n")
