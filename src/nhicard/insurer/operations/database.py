"""Backup and restore of the insurer's database: SQLite's online backup, PostgreSQL's pg_dump and pg_restore."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor


class CannotDo(Exception):
    """The work cannot be done; the message says why and what to do, in both languages."""


def backup(file: Path) -> None:
    """A consistent copy of the database in a file, made while the services run. Raises CannotDo, FileExistsError."""
    if file.exists():
        raise FileExistsError(f"{file} 已存在。{file} exists already.")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch(mode=0o600)
    if connection.vendor == "sqlite":
        with sqlite3.connect(_sqlite_file()) as source, sqlite3.connect(file) as copy:
            source.backup(copy)
        return
    _run("pg_dump", "--format=custom", f"--file={file}")


def restore(file: Path) -> None:
    """Put a backup in place of the database; the services must be stopped. Raises CannotDo, FileNotFoundError."""
    if not file.is_file():
        raise FileNotFoundError(f"找不到 {file}。There is no {file}.")
    connection.close()
    if connection.vendor == "sqlite":
        target = Path(_sqlite_file())
        with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as source:
            if source.execute("PRAGMA integrity_check").fetchone()[0] != "ok":
                raise CannotDo("備份檔已損壞。The backup is damaged.")
            for part in (target, target.with_name(f"{target.name}-wal"), target.with_name(f"{target.name}-shm")):
                part.unlink(missing_ok=True)
            with sqlite3.connect(target) as copy:
                source.backup(copy)
        return
    _run("pg_restore", "--clean", "--if-exists", "--single-transaction", "--no-owner", f"--dbname={_name()}", str(file))


def troubles() -> list[str]:
    """What keeps the database from being used, in both languages; empty where nothing does."""
    try:
        executor = MigrationExecutor(connection)
        waiting = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError as error:
        return [f"資料庫無法連線。The database cannot be reached: {type(error).__name__}."]
    found = []
    if waiting:
        found.append(
            f"有 {len(waiting)} 個升級未執行，請執行 nhicard db upgrade。Upgrades are waiting; run db upgrade."
        )
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA quick_check")
            if cursor.fetchone()[0] != "ok":
                found.append("資料庫檔已損壞，請還原備份。The database file is damaged; restore a backup.")
    return found


def _sqlite_file() -> str:
    return str(settings.DATABASES["default"]["NAME"])


def _name() -> str:
    return str(settings.DATABASES["default"]["NAME"])


def _run(program: str, *arguments: str) -> None:
    """A program of PostgreSQL's on our database; the password travels in the environment, not in the arguments."""
    found = shutil.which(program) or os.environ.get(f"NHICARD_{program.upper()}")
    if not found:
        raise CannotDo(
            f"找不到 {program}，請安裝 PostgreSQL 用戶端程式。{program} is missing; install PostgreSQL's client."
        )
    done = subprocess.run([found, *arguments], env=os.environ | _libpq(), capture_output=True, text=True, check=False)
    if done.returncode:
        raise CannotDo(f"{program}: {done.stderr.strip()[:500]}")


def _libpq() -> dict[str, str]:
    database: dict[str, Any] = dict(settings.DATABASES["default"])
    options = database.get("OPTIONS", {})
    values = {
        "PGHOST": database.get("HOST") or options.get("host", ""),
        "PGPORT": database.get("PORT") or "",
        "PGUSER": database.get("USER") or "",
        "PGPASSWORD": database.get("PASSWORD") or "",
        "PGDATABASE": database.get("NAME") or "",
    }
    return {name: str(value) for name, value in values.items() if value}
