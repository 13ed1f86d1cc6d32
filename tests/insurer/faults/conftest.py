"""A database of its own for every fault test: a SQLite file, or a fresh database where DATABASE_URL names a server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.insurer.faults.databases import Database, opened
from tests.insurer.faults.uploads import NOON

from nhicard.insurer import clock

pytest.register_assert_rewrite("tests.insurer.faults.recount")


@pytest.fixture
def database(insurer_home: Path, django_db_blocker: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    """Committed for real, seen by other processes and threads; the clock stands at noon."""
    monkeypatch.setattr(clock, "now", lambda: NOON)
    with django_db_blocker.unblock(), opened(insurer_home) as database:
        yield database
