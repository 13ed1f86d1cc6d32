"""Which database is asked: pool and replica from the environment, and that only reports read the replica."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import DEFAULT_DB_ALIAS, connections, router, transaction
from tests.insurer.faults import uploads
from tests.insurer.faults.databases import Database
from tests.insurer.faults.recount import require_each_checked_once
from tests.insurer.partitions.months_world import NOON, deliver, visit, worker

from nhicard.insurer import replica
from nhicard.insurer.databases import databases
from nhicard.insurer.detectors.services import running
from nhicard.insurer.intake.models import Submission, Visit
from nhicard.insurer.lake import export
from nhicard.insurer.monitoring.services.records import Asked, Group, behind
from nhicard.insurer.replica import REPLICA, reports

URL, OTHER = "postgresql://u:p@one/name", "postgresql://u:p@two/name"


@pytest.mark.parametrize(
    ("environment", "hosts", "pool", "kept"),
    [
        ({"DATABASE_URL": URL}, {"default": "one"}, None, 600),
        ({"DATABASE_URL": URL, "NHICARD_DATABASE_POOL": "2:8"}, {"default": "one"}, (2, 8), 0),
        ({"DATABASE_URL": URL, "NHICARD_REPLICA_URL": OTHER}, {"default": "one", "replica": "two"}, None, 600),
        (
            {"DATABASE_URL": URL, "NHICARD_REPLICA_URL": OTHER, "NHICARD_DATABASE_POOL": "0:4"},
            {"default": "one", "replica": "two"},
            (0, 4),
            0,
        ),
    ],
)
def test_databases_of_an_environment(
    environment: dict[str, str], hosts: dict[str, str], pool: tuple[int, int] | None, kept: int
) -> None:
    made = databases(Path("home"), environment)
    assert {alias: facts["HOST"] for alias, facts in made.items()} == hosts
    wanted = {"min_size": pool[0], "max_size": pool[1]} if pool else None
    assert [facts.get("OPTIONS", {}).get("pool") for facts in made.values()] == [wanted] * len(hosts)
    assert {facts["CONN_MAX_AGE"] for facts in made.values()} == {kept}


@pytest.mark.parametrize(
    "environment",
    [
        *({"DATABASE_URL": URL, "NHICARD_DATABASE_POOL": told} for told in ("8", "8:2", "0:0", "a:b", "-1:4", "1:4 ")),
        {"NHICARD_DATABASE_POOL": "2:8"},
        {"NHICARD_REPLICA_URL": OTHER},
    ],
)
def test_settings_that_cannot_be_meant_are_refused(environment: dict[str, str]) -> None:
    with pytest.raises(ImproperlyConfigured):
        databases(Path("home"), environment)


@pytest.fixture
def readonly(postgresql: Database, settings: Any) -> Iterator[None]:
    """A second alias on the same database that cannot write, as a replica cannot."""
    facts = dict(connections.settings[DEFAULT_DB_ALIAS])
    facts["OPTIONS"] = {**facts["OPTIONS"], "options": "-c default_transaction_read_only=on"}
    connections.settings[REPLICA] = facts
    settings.DATABASE_ROUTERS = ["nhicard.insurer.replica.Router"]
    yield
    connections[REPLICA].close()
    del connections[REPLICA], connections.settings[REPLICA]


@contextmanager
def asked() -> Iterator[dict[str, int]]:
    """How many statements go to each alias meanwhile."""
    counts = dict.fromkeys((DEFAULT_DB_ALIAS, REPLICA), 0)

    def counting(alias: str) -> Callable[..., Any]:
        def run(execute: Any, *facts: Any) -> Any:
            counts[alias] += 1
            return execute(*facts)

        return run

    with ExitStack() as stack:
        for alias in counts:
            stack.enter_context(connections[alias].execute_wrapper(counting(alias)))
        yield counts


def test_only_what_reports_read_goes_to_the_replica(readonly: None) -> None:
    assert router.db_for_read(Visit) == DEFAULT_DB_ALIAS
    with reports():
        assert router.db_for_read(Visit) == REPLICA
        assert router.db_for_write(Visit) == DEFAULT_DB_ALIAS
        with transaction.atomic():
            assert list(Submission.objects.select_for_update()) == [], "a lock on the replica would be refused"
        with reports(up_to_date=True):
            assert Visit.objects.db == REPLICA
        assert Visit.objects.db == REPLICA
    assert Visit.objects.db == DEFAULT_DB_ALIAS


def test_what_was_read_there_is_written_to_the_database_itself(readonly: None) -> None:
    deliver(visit(1, NOON.date()))
    with reports():
        found = Submission.objects.get()
    found.trouble = "changed"
    found.save()
    assert Submission.objects.get().trouble == "changed"


def test_the_worker_never_asks_the_replica(readonly: None) -> None:
    deliver(visit(1, NOON.date()))
    with asked() as counts:
        assert worker().once() == 1
    assert counts[DEFAULT_DB_ALIAS] > 0
    assert counts[REPLICA] == 0


_REPORTS: Final[dict[str, Callable[[Path], Any]]] = {
    "lake": lambda folder: export.export(NOON.date(), folder / "lake", NOON.replace(day=25)),
    "detectors": lambda _: running.run(NOON.date(), NOON.replace(month=11)),
}


@pytest.mark.parametrize("name", _REPORTS)
def test_reports_read_the_replica_and_write_to_the_database(readonly: None, tmp_path: Path, name: str) -> None:
    deliver(visit(1, NOON.date()))
    worker().once()
    with asked() as counts:
        _REPORTS[name](tmp_path)
    assert counts[REPLICA] > 0
    assert counts[DEFAULT_DB_ALIAS] > 0, "the audit log"


def test_a_replica_that_is_behind_is_not_read_where_it_matters(readonly: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replica, "_BEHIND", "SELECT %s::text IS NOT NULL OR %s::text IS NULL")
    with reports(up_to_date=True, patience=0):
        assert Visit.objects.db == DEFAULT_DB_ALIAS
    with reports():
        assert behind(Asked("3501200000", NOON.date(), Group.ACCEPTED, None, "")).db == REPLICA


@pytest.mark.parametrize("pool", ["0:1", "2:4"])
def test_workers_with_pools_of_connections_lose_nothing(
    postgresql: Database, monkeypatch: pytest.MonkeyPatch, pool: str
) -> None:
    uploads.receive_all(uploads.uploads(12))
    monkeypatch.setenv("NHICARD_DATABASE_POOL", pool)
    assert sum(postgresql.driven("together", 2)) == 12
    require_each_checked_once()
