"""Database URLs: our drivers where none is named, SQLite files beside the mapping, passwords never shown."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

_DRIVERS: Final = {
    "sqlite": "sqlite",
    "postgresql": "postgresql+psycopg",
    "postgres": "postgresql+psycopg",
    "mysql": "mysql+pymysql",
    "mariadb": "mariadb+pymysql",
    "mssql": "mssql+pymssql",
}
_SECONDS: Final = 10
_CONNECTING: Final[Mapping[str, dict[str, Any]]] = {
    "postgresql": {"connect_timeout": _SECONDS},
    "mysql": {"connect_timeout": _SECONDS},
    "mariadb": {"connect_timeout": _SECONDS},
    "mssql": {"login_timeout": _SECONDS, "read_only": True},
}
_PG: Final = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
_OPTIONS: Final[Mapping[str, dict[str, Any]]] = {"postgresql": _PG}
_MYSQL: Final = ("SET time_zone = '+08:00'", "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")
_BEGINNING: Final[Mapping[str, tuple[str, ...]]] = {
    "sqlite": ("PRAGMA query_only = ON", "BEGIN"),
    "postgresql": ("SET TIME ZONE 'Asia/Taipei'",),
    "mysql": _MYSQL,
    "mariadb": _MYSQL,
}


class BadUrl(ValueError):
    """A URL that names no database that we can read; ``zh`` and ``en`` show no password."""

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(f"{zh} {en}")
        self.zh = zh
        self.en = en


def database_url(text: str, folder: Path) -> URL:
    """The URL with its driver; a SQLite file is found from ``folder``. Raises BadUrl."""
    known = "、".join(f"{name}://" for name in _DRIVERS if name != "postgres")
    try:
        url = make_url(text.strip())
        url = url.set(drivername=_DRIVERS.get(url.drivername, url.drivername))
        backend = url.get_backend_name()
        url.get_dialect()
    # a port that is no number is a plain ValueError
    except (ArgumentError, NoSuchModuleError, ValueError):
        raise BadUrl(
            f"不是可用的資料庫網址；須以 {known} 開頭。", f"this is no database URL that can be used; known: {known}."
        ) from None
    if backend == "sqlite":
        if not url.database or url.database == ":memory:":
            raise BadUrl("SQLite 須寫出檔名（sqlite:///his.db）。", "name the SQLite file (sqlite:///his.db).")
        url = url.set(database=str(folder / url.database))
    return url


def connecting(url: URL) -> dict[str, Any]:
    """Arguments for the driver: how long to wait for a connection."""
    return _CONNECTING.get(url.get_backend_name(), {})


def options(url: URL) -> dict[str, Any]:
    """Options of a connection that only reads, all of it as of one moment where the database can."""
    return _OPTIONS.get(url.get_backend_name(), {})


def beginning(url: URL) -> tuple[str, ...]:
    """Statements that begin a transaction that only reads, in Taipei's time, where options do not say it."""
    return _BEGINNING.get(url.get_backend_name(), ())


def is_exposed(path: Path) -> bool:
    """Whether others than the owner may read the file."""
    return os.name == "posix" and bool(path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO))


def without_password(text: str, url: URL) -> str:
    """A message of a driver without the URL's password."""
    return text.replace(str(url.password), "***") if url.password else text
