"""What can go wrong under a worker: a check that fails, a database that is away."""

from __future__ import annotations

import sqlite3
from threading import Event
from typing import Any

import psycopg
import pytest
from django.db import OperationalError, close_old_connections, connection, connections, transaction
from tests.insurer.faults.databases import Database, at_once
from tests.insurer.faults.driver import RUN_OUT, context
from tests.insurer.faults.recount import require_each_checked_once
from tests.insurer.faults.uploads import DEADLY, NOON, receive_all, upload, uploads, visit

from nhicard.formats import together
from nhicard.insurer.intake import worker as worker_module
from nhicard.insurer.intake.models import State, Submission
from nhicard.insurer.intake.services import claiming, retention, storing
from nhicard.insurer.intake.worker import Worker
from nhicard.insurer.operations import database as database_module


def _of_sqlite(result: str) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError()
    error.sqlite_errorcode, error.sqlite_errorname = getattr(sqlite3, result), result
    return error


def test_a_submission_that_breaks_the_check_is_set_aside_with_its_reason(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[int] = []
    read_alone = together.__dict__["read"]

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


def test_what_an_outage_cut_off_is_given_back_without_a_try(database: Database) -> None:
    receive_all(uploads(3))
    for _ in range(2 * claiming.TRIES):
        claimed = claiming.claim(NOON)
        assert len(claimed) == 3, "together as before"
        claiming.give_back(claimed)
    assert set(Submission.objects.values_list("tries", "claim", "claimed_until")) == {(0, "", None)}


def test_outages_alone_set_nothing_aside(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    receive_all(uploads(3))
    works = Worker(context)

    def settle(*_: Any) -> None:
        raise OperationalError("disk I/O error")

    with monkeypatch.context() as away:
        away.setattr(storing, "settle", settle)
        for _ in range(claiming.TRIES + 1):
            with pytest.raises(OperationalError):
                works.once()
    assert works.once() == 3
    assert set(Submission.objects.values_list("state", "tries")) == {(State.CHECKED, 1)}
    require_each_checked_once()


def test_a_submission_whose_statement_cannot_be_done_is_set_aside(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    receive_all(uploads(3))

    def settle(*_: Any) -> None:
        raise OperationalError from _of_sqlite("SQLITE_TOOBIG")

    monkeypatch.setattr(storing, "settle", settle)
    works = Worker(context)
    while works.once():
        pass
    assert set(Submission.objects.values_list("state", "tries", "trouble")) == {
        (State.SET_ASIDE, 3, "OperationalError")
    }


def test_what_others_have_taken_over_or_checked_is_not_given_back(database: Database) -> None:
    receive_all(uploads(3))
    cut_off = claiming.claim(NOON, RUN_OUT)
    claiming.release(cut_off[2:])
    taken_over = [claiming.claim(NOON)[0], claiming.claim(NOON)[0]]
    Submission.objects.filter(pk=taken_over[0].pk).update(state=State.CHECKED, tries=1)
    before = set(Submission.objects.exclude(claim="").values_list("pk", "state", "tries", "claim"))
    claiming.give_back(cut_off)
    assert set(Submission.objects.exclude(claim="").values_list("pk", "state", "tries", "claim")) == before
    with transaction.atomic():
        assert claiming.still_mine(taken_over[1:])


@pytest.mark.parametrize(
    ("cause", "is_away"),
    [
        (None, True),
        (psycopg.OperationalError("server closed the connection unexpectedly"), True),
        *((psycopg.errors.lookup(state)(), True) for state in ("08006", "53100", "53300", "57P01", "57P03", "58030")),
        *((psycopg.errors.lookup(state)(), False) for state in ("53200", "54001", "57014", "40P01", "55P03")),
        *((_of_sqlite(result), True) for result in ("SQLITE_BUSY", "SQLITE_FULL", "SQLITE_IOERR_WRITE")),
        *((_of_sqlite(result), False) for result in ("SQLITE_ERROR", "SQLITE_TOOBIG", "SQLITE_NOMEM")),
    ],
    ids=lambda each: getattr(each, "sqlstate", None) or getattr(each, "sqlite_errorname", None) or str(each),
)
def test_an_outage_is_told_from_a_statement_that_cannot_be_done(cause: Exception | None, is_away: bool) -> None:
    error = OperationalError()
    error.__cause__ = cause
    assert database_module.is_away(error) is is_away
    assert not database_module.is_away(ValueError())


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
