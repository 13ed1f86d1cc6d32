"""Homes for commands: empty, or filled by a pattern that is made once."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from tests import tables
from tests.cli.homes import FILLED, SERVER, Home, environment_of


@pytest.fixture
def empty(tmp_path: Path) -> Home:
    """A home on SQLite in which nothing was done yet."""
    return Home(tmp_path / "home", environment_of(tmp_path / "home", ""))


@pytest.fixture(scope="session")
def pattern(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A filled home that each test gets a copy of."""
    folder = tmp_path_factory.mktemp("pattern") / "home"
    home = Home(folder, environment_of(folder, ""))
    folder.mkdir(mode=0o700)
    shutil.copyfile(tables.sqlite_file(), home.file)
    home.file.chmod(0o600)
    home.well("db", "upgrade")
    home.python(FILLED)
    return folder


@pytest.fixture
def filled(empty: Home, pattern: Path) -> Home:
    shutil.copytree(pattern, empty.folder)
    return empty


@pytest.fixture(
    params=["SQLite", pytest.param("PostgreSQL", marks=pytest.mark.skipif(not SERVER, reason="needs DATABASE_URL"))]
)
def either(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Home]:
    """A filled home on either database."""
    if request.param == "SQLite":
        yield request.getfixturevalue("filled")
        return
    name = f"commands_{uuid.uuid4().hex}"
    with psycopg.connect(SERVER, autocommit=True) as server:
        template = sql.Identifier(tables.postgresql_database(SERVER))
        server.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), template))
        try:
            home = Home(tmp_path, environment_of(tmp_path, f"{SERVER.rpartition('/')[0]}/{name}"))
            home.well("db", "upgrade")
            home.python(FILLED)
            yield home
        finally:
            server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
