"""What can go wrong under a worker: a check that fails, a database that is away."""

from __future__ import annotations

from threading import Event
from typing import Any

import pytest
from django.db import OperationalError, close_old_connections, connection, connections
from tests.insurer.faults.databases import Database, at_once
from tests.insurer.faults.driver import RUN_OUT, context
from tests.insurer.faults.recount import require_each_checked_once
from tests.insurer.faults.uploads import DEADLY, receive_all, upload, uploads, visit

from nhicard.formats import together
from nhicard.insurer.intake import worker as worker_module
from nhicard.insurer.intake.models import State, Submission
from nhicard.insurer.intake.services import retention
from nhicard.insurer.intake.worker import Worker


def test_a_submission_that_breaks_the_check_is_set_aside_with_its_reason(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[int] = []
    read_alone = together.read

    def read(content: bytes, **options: Any) -> Any:
        if DEADLY in content:
            tried.append(Submission.objects.exclude(claim="").count())
            raise ZeroDivisionError
        return read_alone(content, **options)

    monkeypatch.setattr(together, "read", read)
    receive_all(uploads(3))
    (bad,) = receive_all([upload(visit(900, f"A31={DEADLY.decode()}"))])
    receive_all(uploads(6))
    works = Worker(context)
    while works.once():
        pass
    bad.refresh_from_db()
    assert (bad.state, bad.tries, bad.trouble) == (State.SET_ASIDE, 3, "ZeroDivisionError")
    assert tried == [7, 1, 1], "with the others, then alone"
    require_each_checked_once(aside=1)


def test_a_worker_waits_for_a_database_that_is_away(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    receive_all(uploads(6))
    if not database.url:  # seconds until a locked file is given up
        monkeypatch.setitem(connections.settings["default"]["OPTIONS"], "timeout", 0.05)
    noticed = Event()
    works = _ending_when_idle(monkeypatch, noticed)

    def outage() -> None:
        with database.away():
            assert noticed.wait(60)

    connection.close()
    with database.away():
        pass  # what was connected is so no more
    at_once([outage, works.run])
    require_each_checked_once()


@pytest.mark.parametrize("moment", [1, 3, 8, 14, 20])
def test_a_connection_lost_in_the_middle_is_made_anew(
    database: Database, monkeypatch: pytest.MonkeyPatch, moment: int
) -> None:
    receive_all(uploads(4))
    noticed = Event()
    works = _ending_when_idle(monkeypatch, noticed)
    statements = iter(range(1, 1 + moment))

    def lose(run: Any, *statement: Any) -> Any:
        if next(statements, None) != moment:
            return run(*statement)
        if not database.url:
            raise OperationalError("disk I/O error")
        with database.away():
            return run(*statement)

    with connection.execute_wrapper(lose):
        works.run(pause=0)
    assert noticed.is_set()
    require_each_checked_once()


def _ending_when_idle(monkeypatch: pytest.MonkeyPatch, noticed: Event) -> Worker:
    """A worker that ends when nothing is left to do, and tells when it finds the database away."""
    works = Worker(context, lease=RUN_OUT)

    def told() -> None:
        noticed.set()
        close_old_connections()

    def idle(*_: Any) -> int:
        works.stop()
        return 0

    monkeypatch.setattr(worker_module, "close_old_connections", told)
    monkeypatch.setattr(retention, "forget_old_results", idle)
    return works
