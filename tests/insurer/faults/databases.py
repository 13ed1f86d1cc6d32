"""Databases that live as long as a test, and how to take one away for a while."""

from __future__ import annotations

import json
import os
import secrets
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Barrier
from typing import Any, Final, TypeVar

import psycopg
from django.conf import settings
from django.core.management import call_command
from django.db import connection, connections

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
def opened(home: Path) -> Iterator[Database]:
    """A new database with its tables, to which this process's connections go."""
    before = connections["default"]
    facts = connections.settings["default"]
    kept = facts["NAME"]
    del connections["default"]
    with _created(home) as (name, url):
        facts["NAME"] = name
        try:
            call_command("migrate", verbosity=0)
            yield Database(home, url)
        finally:
            connection.close()
            facts["NAME"] = kept
            connections["default"] = before


@contextmanager
def _created(home: Path) -> Iterator[tuple[str | Path, str]]:
    if not settings.DATABASE_URL:
        yield home / "insurer.sqlite3", ""
        return
    name = f"faults_{secrets.token_hex(6)}"
    with psycopg.connect(settings.DATABASE_URL, autocommit=True) as server:
        server.execute(f'CREATE DATABASE "{name}"'.encode())
        try:
            yield name, f"{settings.DATABASE_URL.rpartition('/')[0]}/{name}"
        finally:
            server.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


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
