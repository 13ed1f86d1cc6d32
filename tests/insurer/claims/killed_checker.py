"""A process that checks claim files and is killed at the database statement of each number: ``python -m … HOME N...``.

Prints how many were killed; the others had come to the end before.
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


def deadly(moment: int) -> Callable[..., Any]:
    """A wrapper of statements that ends the process, by turns before and after the one of the number."""
    count = 0

    def execute(run: Callable[..., Any], *statement: Any) -> Any:
        nonlocal count
        count += 1
        if count == moment and moment % 2:
            os.kill(os.getpid(), signal.SIGKILL)
        result = run(*statement)
        if count == moment:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    return execute


def killed(moment: int, hours: int) -> bool:
    """Whether a forked process, so many hours later, was killed."""
    child = os.fork()  # nothing runs yet in this process: no connection, no thread of polars
    if child:
        return os.WIFSIGNALED(os.waitpid(child, 0)[1])
    now = NOW + timedelta(hours=hours)
    clock.now = lambda: now
    with connection.execute_wrapper(deadly(moment)):
        checking.work(now)
    os._exit(0)


if __name__ == "__main__":
    moments = list(map(int, sys.argv[1:]))
    sys.stdout.write(str(sum(killed(moment, hours) for hours, moment in enumerate(moments, 1))))
