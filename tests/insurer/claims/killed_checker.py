"""Processes that check a claim file, each killed at a database statement: ``python -m … "UPDATE x" 2 …`` (what it has
in it, and which of those). Prints how many were killed; the others had come to the end before.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "nhicard.insurer.settings")
django.setup()

from django.db import connection  # noqa: E402  # needs Django
from tests.insurer.claims.offices import NOW  # noqa: E402

from nhicard.insurer import clock  # noqa: E402
from nhicard.insurer.claims.services import checking  # noqa: E402


def deadly(words: str, which: int) -> Callable[..., Any]:
    """A wrapper of statements that ends the process after the one of this number that has the words in it."""
    count = 0

    def execute(run: Callable[..., Any], statement: str, *more: Any) -> Any:
        nonlocal count
        result = run(statement, *more)
        count += words in statement
        if count == which:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    return execute


def killed(words: str, which: int, hours: int) -> bool:
    """Whether a forked process, so many hours later, was killed."""
    child = os.fork()  # nothing runs yet in this process: no connection, no thread of polars
    if child:
        return os.WIFSIGNALED(os.waitpid(child, 0)[1])
    now = NOW + timedelta(hours=hours)
    clock.now = lambda: now
    with connection.execute_wrapper(deadly(words, which)):
        checking.work(now)
    os._exit(0)


if __name__ == "__main__":
    moments = zip(sys.argv[1::2], map(int, sys.argv[2::2]), strict=True)
    sys.stdout.write(str(sum(killed(*moment, hours) for hours, moment in enumerate(moments, 1))))
