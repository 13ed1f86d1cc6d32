"""Checks of the insurer's database and of what works on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from django.db import Error
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.recorder import MigrationRecorder
from django.db.models import Max, Min

from nhicard.doctor.findings import Finding, finding
from nhicard.doctor.installation import Installation
from nhicard.formats.rocdate import TAIPEI
from nhicard.insurer.intake.models import State, Submission
from nhicard.insurer.registry.models import Institution, ListVersion

#: How far a clock may be off: signatures of cards are taken for five minutes.
_SKEW: Final = timedelta(minutes=1)
#: A large batch keeps a worker from touching its heartbeat for a while.
_SILENCE: Final = timedelta(minutes=5)
_LATE: Final = timedelta(minutes=10)
#: A write-ahead log as large as this is not being written back: something keeps on reading (bytes).
_LARGE_LOG: Final = 1 << 30


def database(where: Installation) -> Finding:
    """The database answers. A SQLite file that is not there is not made by asking."""
    if (file := _file(where.database)) and not file.exists():
        return finding("database.absent", file=file)
    try:
        with where.database.cursor() as cursor:
            cursor.execute("SELECT 1")
            MigrationRecorder(where.database).has_table()
    except Error as error:
        return finding("database.unreachable", kind=type(error).__name__)
    return finding("database.ok", vendor=where.database.vendor)


def upgrades(where: Installation) -> Finding:
    """The tables are those of this version: neither older nor newer."""
    executor = MigrationExecutor(where.database)
    known = executor.loader.disk_migrations or {}
    apps = {app for app, _ in known}
    if newer := [key for key in executor.loader.applied_migrations if key[0] in apps and key not in known]:
        return finding("upgrades.ahead", count=len(newer))
    waiting = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return finding("upgrades.behind", count=len(waiting)) if waiting else finding("upgrades.ok")


def journal(where: Installation) -> Finding:
    """SQLite writes ahead (WAL), and what it wrote ahead is written back."""
    if where.database.vendor != "sqlite":
        return finding("journal.unneeded")
    with where.database.cursor() as cursor:
        cursor.execute("PRAGMA journal_mode")
        mode = str(cursor.fetchone()[0])
    file = _file(where.database)
    if mode != "wal" and file:
        return finding("journal.other", mode=mode)
    log = file.with_name(f"{file.name}-wal") if file else None
    size = log.stat().st_size if log and log.exists() else 0
    return finding("journal.large", size=f"{size / (1 << 20):,.0f}") if size > _LARGE_LOG else finding("journal.ok")


def clock(where: Installation) -> Finding:
    """This machine's clock agrees with the database's, and nothing was received in the future."""
    latest = Submission.objects.aggregate(latest=Max("received_at"))["latest"]
    if latest and latest - where.now > _SKEW:
        return finding("clock.behind", seconds=_seconds(latest - where.now))
    off = where.now - _CLOCKS[where.database.vendor](where.database, where.now)
    return finding("clock.off" if abs(off) > _SKEW else "clock.ok", seconds=_seconds(abs(off)))


def lists(where: Installation) -> Finding:
    """Reference lists are loaded, the list of institutions first: without it nobody can upload."""
    loaded = ListVersion.objects.values("name").distinct().count()
    if not Institution.objects.exists():
        return finding("lists.no_institutions")
    return finding("lists.ok" if loaded else "lists.none", count=loaded)


def worker(where: Installation) -> Finding:
    """A worker takes what waits."""
    waiting = Submission.objects.filter(state=State.PENDING)
    oldest = waiting.aggregate(oldest=Min("received_at"))["oldest"]
    facts = {"count": waiting.count(), "minutes": _minutes(where.now - oldest) if oldest else 0}
    file = where.home / "worker.heartbeat"
    beat = datetime.fromtimestamp(file.stat().st_mtime, TAIPEI).replace(tzinfo=None) if file.exists() else None
    if beat is None or where.now - beat > _SILENCE:
        return finding("worker.stopped" if oldest else "worker.silent", **facts)
    return finding("worker.late" if oldest and where.now - oldest > _LATE else "worker.ok", **facts)


def _file(connection: BaseDatabaseWrapper) -> Path | None:
    """The file of a SQLite database that has one."""
    path = Path(str(connection.settings_dict["NAME"]))
    return path if connection.vendor == "sqlite" and path.is_absolute() else None


def _own_clock(_: BaseDatabaseWrapper, now: datetime) -> datetime:
    return now


def _server_clock(connection: BaseDatabaseWrapper, _: datetime) -> datetime:
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp() AT TIME ZONE 'Asia/Taipei'")
        moment: datetime = cursor.fetchone()[0]
    return moment


_CLOCKS: Final[Mapping[str, Callable[[BaseDatabaseWrapper, datetime], datetime]]] = {
    "sqlite": _own_clock,
    "postgresql": _server_clock,
}


def _seconds(span: timedelta) -> int:
    return round(span.total_seconds())


def _minutes(span: timedelta) -> int:
    return round(span.total_seconds() / 60)
