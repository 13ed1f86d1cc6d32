"""Backup and restore of the insurer's database: SQLite's online backup, PostgreSQL's pg_dump and pg_restore."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.db import DatabaseError, OperationalError, connection
from django.db.backends.postgresql.client import DatabaseClient

from nhicard.insurer import serving

#: SQLSTATEs and their classes that speak of the server, not of the statement: connection, disk, too many connections,
#: shutdown, system. Not the memory: a smaller batch may do where a larger one found none.
_AWAY: Final = ("08", "53100", "53300", "57P", "58")
_AWAY_SQLITE: Final = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_PROTOCOL,
    }
)
_DAMAGED: Final = "資料庫已損壞，請還原備份。The database is damaged; restore a backup."


class CannotDo(Exception):
    """The work cannot be done; the message says why and what to do, in both languages."""


def is_away(error: Exception) -> bool:
    """Whether the database itself is out of order for now, so that the same work may do later."""
    if not isinstance(error, OperationalError):
        return False
    cause = error.__cause__
    if state := getattr(cause, "sqlstate", None):
        return str(state).startswith(_AWAY)
    result = getattr(cause, "sqlite_errorcode", None)
    return result is None or result & 0xFF in _AWAY_SQLITE  # without a code the connection was lost


def backup(file: Path) -> None:
    """A consistent copy of the database in a file, made while the services run. Raises CannotDo, FileExistsError."""
    if file.exists():
        raise FileExistsError(f"{file} 已存在。{file} exists already.")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch(mode=0o600, exist_ok=False)
    try:
        if connection.vendor == "sqlite":
            _copy(_name(), file)
        else:
            _run("pg_dump", "--format=custom", f"--file={file}")
    except BaseException:
        file.unlink()
        raise


def restore(file: Path) -> None:
    """Put a backup in place of the database; the services must be stopped. Raises CannotDo, FileNotFoundError.

    What is there is given up only once the backup was read whole.
    """
    if not file.is_file():
        raise FileNotFoundError(f"找不到 {file}。There is no {file}.")
    connection.close()
    if connection.vendor != "sqlite":
        options = ("--clean", "--if-exists", "--single-transaction", "--no-owner")
        _run("pg_restore", *options, f"--dbname={_name()}", str(file))
        return
    target = Path(_name())
    fresh = target.with_name(f"{target.name}.restoring")
    fresh.unlink(missing_ok=True)
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh.touch(mode=0o600)
    try:
        _copy(file, fresh)
        _retire(target)
        fresh.replace(target)
    finally:
        fresh.unlink(missing_ok=True)


def troubles() -> list[str]:
    """What keeps the database from being used, in both languages; empty where nothing does."""
    if reason := why_unusable():
        return [reason]
    if connection.vendor == "sqlite" and not _is_whole():
        return [_DAMAGED]
    return []


def why_unusable() -> str:
    """Why the tables cannot be used: out of reach, or not upgraded; empty where they can."""
    try:
        waiting = serving.upgrades_waiting()
    except OperationalError as error:
        return f"資料庫無法連線。The database cannot be reached: {type(error).__name__}."
    except DatabaseError:
        return _DAMAGED
    if not waiting:
        return ""
    return f"有 {waiting} 個升級未執行，請執行 nhicard db upgrade。Upgrades are waiting; run nhicard db upgrade."


def _is_whole() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA quick_check")
            return bool(cursor.fetchone()[0] == "ok")
    except DatabaseError:
        return False


def _copy(source: str | Path, file: Path) -> None:
    """A whole SQLite database of ours into an empty file, as one file without a journal beside it."""
    try:
        with (
            closing(sqlite3.connect(f"{Path(source).absolute().as_uri()}?mode=rw", uri=True)) as original,
            closing(sqlite3.connect(file)) as copy,
        ):
            original.execute("SELECT count(*) FROM django_migrations")
            original.backup(copy)
            copy.execute("PRAGMA journal_mode=DELETE")
            if copy.execute("PRAGMA integrity_check").fetchone()[0] != "ok":
                raise CannotDo(f"{source} 已損壞。{source} is damaged.")
    except sqlite3.DatabaseError as error:
        raise CannotDo(
            f"{source} 不是可用的資料庫。{source} is no database of this service that can be read: {error}."
        ) from None


def _retire(target: Path) -> None:
    """Leave nothing beside the old database that the new one could take for its own journal."""
    try:
        with closing(sqlite3.connect(target, timeout=1)) as old:
            old.execute("PRAGMA journal_mode=DELETE")
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_BUSY:
            raise CannotDo("資料庫使用中，請先停止服務。The database is in use; stop the services first.") from None
    except sqlite3.DatabaseError:
        pass  # damaged: that is why it is replaced
    for ending in ("-wal", "-shm", "-journal"):
        target.with_name(f"{target.name}{ending}").unlink(missing_ok=True)


def _name() -> str:
    return str(settings.DATABASES["default"]["NAME"])


def _run(program: str, *arguments: str) -> None:
    """A program of PostgreSQL's on our database; the password travels in the environment, not in the arguments."""
    found = os.environ.get(f"NHICARD_{program.upper()}") or shutil.which(program)
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
        "PGDATABASE": database.get("NAME") or "",
    }
    _, safety = DatabaseClient.settings_to_cmd_args_env(database, [])  # password, TLS mode and certificates
    return {name: str(value) for name, value in values.items() if value} | (safety or {})
