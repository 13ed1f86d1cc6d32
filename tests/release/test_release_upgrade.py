"""The database of each released version, brought to the present by ``nhicard db upgrade``: nothing is lost."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import sql
from tests.release import dumping

HERE: Final = Path(__file__).parent
VERSIONS: Final = sorted(HERE.glob("v*.sql.gz"))
SERVER: Final = os.environ.get("DATABASE_URL", "")
#: Tables to which Django adds rows for what is new.
_GROWING: Final = {"django_migrations", "django_content_type", "auth_permission"}
#: The first is SQLite's own; the second is left out of dumps.
_NOT_COUNTED: Final = {"sqlite_sequence", "django_session"}


@dataclass(frozen=True)
class Released:
    """A database as a released version left it, at ``url`` or, where that is empty, in the home folder."""

    home: Path
    url: str

    def run(self, *command: str | Path) -> subprocess.CompletedProcess[str]:
        environment = os.environ | {"NHICARD_INSURER_HOME": str(self.home), "DATABASE_URL": self.url}
        return subprocess.run(
            [sys.executable, *map(str, command)], env=environment, capture_output=True, text=True, check=False
        )

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        opened: Any = psycopg.connect(self.url) if self.url else sqlite3.connect(self.home / "insurer.sqlite3")
        with closing(opened) as connection:
            return list(connection.execute(statement).fetchall())

    def counts(self) -> dict[str, int]:
        """How many rows each table has."""
        listed = (
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
            if self.url
            else "SELECT name FROM sqlite_master WHERE type = 'table'"
        )
        names = {name for (name,) in self.rows(listed)} - _NOT_COUNTED
        return {name: self.rows(f'SELECT count(*) FROM "{name}"')[0][0] for name in sorted(names)}


@pytest.fixture
def url() -> Iterator[str]:
    """An empty database on the tests' PostgreSQL; nothing where they run on SQLite."""
    if not SERVER:
        yield ""
        return
    name = f"released_{uuid.uuid4().hex}"
    with psycopg.connect(SERVER, autocommit=True) as server:
        server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        yield urlsplit(SERVER)._replace(path=f"/{name}").geturl()
        server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture(params=VERSIONS, ids=[each.name.removesuffix(".sql.gz") for each in VERSIONS])
def released(request: pytest.FixtureRequest, tmp_path: Path, url: str) -> Released:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    on_sqlite = Released(home, "")
    dumping.restore(request.param, home / "insurer.sqlite3")
    if not url:
        return on_sqlite
    found = Released(home, url)
    done = found.run(HERE / "carrying.py", home / "insurer.sqlite3")
    assert done.returncode == 0, done.stderr
    assert found.counts() == on_sqlite.counts()
    return found


def test_there_are_released_versions() -> None:
    assert VERSIONS


def test_an_upgrade_keeps_every_row(released: Released) -> None:
    receipts = "SELECT receipt, state, content_hash FROM intake_submission ORDER BY receipt"
    before, kept = released.counts(), released.rows(receipts)
    assert before["intake_visit"] > 100, "there is something to lose"
    behind = released.run("-m", "nhicard", "db", "check")
    assert behind.returncode == 2, "the database is an older version's"
    done = released.run("-m", "nhicard", "db", "upgrade")
    assert done.returncode == 0, done.stderr
    after = released.counts()
    assert {name: after.get(name) for name in before if name not in _GROWING} == {
        name: count for name, count in before.items() if name not in _GROWING
    }
    assert all(after[name] > before[name] for name in _GROWING)
    assert released.rows(receipts) == kept
    for command in (("db", "check"), ("audit", "verify")):
        done = released.run("-m", "nhicard", *command)
        assert done.returncode == 0, (command, done.stdout, done.stderr)
    told = released.run("-m", "nhicard", "doctor").stdout
    assert "✓ 資料表是目前的版本" in told
