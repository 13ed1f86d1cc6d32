"""The insurer's empty tables, made once a run and then copied: migrations take longer than most tests.

What makes them is ``nhicard db upgrade`` on an empty home, as an operator does it.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cache, wraps
from pathlib import Path
from typing import Any, Final

import psycopg
from django.conf import settings
from django.core.management.commands import migrate
from django.db import connections

_ROOT: Final = Path(__file__).parents[1]
_KEPT: Final = _ROOT / "build" / "tables"
#: What decides how the tables look.
_SOURCES: Final = ("requirements/runtime.txt", "src/nhicard/insurer/**/migrations/*.py", "src/nhicard/insurer/*.py")


@cache
def sqlite_file() -> Path:
    """A SQLite file with them; kept from run to run while no migration changes."""
    kept = _KEPT / f"{_digest()}.sqlite3"
    with _alone():
        if not kept.exists():
            with tempfile.TemporaryDirectory(prefix="nhicard-tables-") as home:
                _upgrade(home, "")
                half = kept.with_suffix(".half")
                shutil.copyfile(Path(home) / "insurer.sqlite3", half)
                half.rename(kept)
    return kept


@cache
def postgresql_database(server: str) -> str:
    """The name of a database with them, at the server with this URL: a template for others."""
    name = f"tables_{_digest()}"
    with _alone(), psycopg.connect(server, autocommit=True) as administering:
        known = administering.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone()
        if not known:
            administering.execute(f'CREATE DATABASE "{name}"'.encode())
            with tempfile.TemporaryDirectory(prefix="nhicard-tables-") as home:
                _upgrade(home, f"{server.rpartition('/')[0]}/{name}")
    return name


def begin_with_them() -> None:
    """From now on, in this process, a new test database has them before its migrations begin."""
    if settings.DATABASE_URL:
        connections["default"].settings_dict["TEST"]["TEMPLATE"] = postgresql_database(settings.DATABASE_URL)
        return
    original = migrate.Command.handle
    if hasattr(original, "begins_with_tables"):
        return

    @wraps(original)
    def handle(self: Any, *arguments: Any, **options: Any) -> None:
        connection = connections[options["database"]]
        if connection.vendor == "sqlite" and not connection.introspection.table_names():
            with closing(sqlite3.connect(sqlite_file())) as source:
                source.backup(connection.connection)
        original(self, *arguments, **options)

    handle.begins_with_tables = True  # type: ignore[attr-defined]
    migrate.Command.handle = handle  # type: ignore[method-assign]


def _upgrade(home: str, url: str) -> None:
    command = [sys.executable, "-m", "nhicard", "db", "upgrade", "--home", home]
    subprocess.run(command, env=os.environ | {"DATABASE_URL": url}, check=True, stdout=subprocess.DEVNULL)


@cache
def _digest() -> str:
    digest = hashlib.sha256()
    for pattern in _SOURCES:
        for file in sorted(_ROOT.glob(pattern)):
            digest.update(file.read_bytes())
    return digest.hexdigest()[:12]


@contextmanager
def _alone() -> Iterator[None]:
    """One process of the run at a time."""
    _KEPT.mkdir(parents=True, exist_ok=True)
    with (_KEPT / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
