"""The outbox's file: opened, made, read and written in transactions that survive a power cut."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import polars as pl

_VERSION: Final = 1
_SWITCHED_AT: Final = "switched_at"


Parameters = Sequence[Any] | Mapping[str, Any]


class Outbox:
    """One connection a thread of work; several processes may have the file open.

    Raises ValueError for a file of a later version, OSError where it cannot be opened.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.path.touch(mode=0o600)  # one that exists keeps its mode
        self._connection = sqlite3.connect(self.path, timeout=30, isolation_level=None, check_same_thread=False)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = FULL")  # what was taken stays taken after a power cut
        self._connection.execute("PRAGMA foreign_keys = ON")
        with self.writing() as cursor:
            (version,) = cursor.execute("PRAGMA user_version").fetchone()
            if version == 0:
                for statement in _schema():
                    cursor.execute(statement)
                cursor.execute(f"PRAGMA user_version = {_VERSION}")
        if version > _VERSION:
            raise ValueError(f"{self.path} was written by a later release of nhicard (version {version})")

    def close(self) -> None:
        """Let the file go."""
        self._connection.close()

    def __enter__(self) -> Outbox:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Cursor]:
        """A transaction: all of it or nothing, on disk when it ends."""
        cursor = self._connection.cursor()
        cursor.execute("BEGIN IMMEDIATE")
        try:
            yield cursor
        except BaseException:
            cursor.execute("ROLLBACK")
            raise
        cursor.execute("COMMIT")

    def rows(self, statement: str, parameters: Parameters = ()) -> list[tuple[Any, ...]]:
        """What a query finds."""
        return self._connection.execute(statement, parameters).fetchall()

    def frame(self, statement: str, parameters: Parameters, schema: dict[str, Any]) -> pl.DataFrame:
        """The same as a frame."""
        return pl.DataFrame(self.rows(statement, parameters), schema=schema, orient="row")

    def setting(self, name: str) -> str | None:
        """A fact of the institution's own that is kept here; None while it is not known."""
        found = self.rows("SELECT value FROM setting WHERE name = ?", [name])
        return str(found[0][0]) if found else None

    def set(self, name: str, value: str | None) -> None:
        """Keep such a fact, or forget it."""
        with self.writing() as cursor:
            if value is None:
                cursor.execute("DELETE FROM setting WHERE name = ?", [name])
            else:
                cursor.execute(
                    "INSERT INTO setting VALUES (?, ?) ON CONFLICT DO UPDATE SET value = ?", [name, value, value]
                )

    @property
    def switched_at(self) -> datetime | None:
        """From when on 2.0 is uploaded for real; None while it is not known."""
        found = self.setting(_SWITCHED_AT)
        return datetime.fromisoformat(found) if found else None

    def switch(self, at: datetime | None) -> None:
        """Set, or take back, from when on 2.0 is uploaded for real."""
        self.set(_SWITCHED_AT, told(at) if at else None)


def told(moment: datetime) -> str:
    """A moment as the tables hold it."""
    return moment.isoformat(sep=" ", timespec="seconds")


def _schema() -> list[str]:
    text = (files(__package__) / "schema.sql").read_text(encoding="utf-8")
    lines = [line.partition("--")[0] for line in text.splitlines()]
    return [statement for statement in "\n".join(lines).split(";") if statement.strip()]
