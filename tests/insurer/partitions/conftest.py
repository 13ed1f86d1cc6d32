"""A database of its own for every test of partitions, as the fault tests have one."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.insurer.faults.databases import Database, opened
from tests.insurer.partitions.months_world import CLINIC, NOON

from nhicard.insurer import clock
from nhicard.insurer.intake.models import EditionState


@pytest.fixture
def database(insurer_home: Path, django_db_blocker: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    """Committed for real, seen by other threads; the clock stands at noon of an October day."""
    monkeypatch.setattr(clock, "now", lambda: NOON)
    with django_db_blocker.unblock(), opened(insurer_home) as database:
        EditionState.objects.create(institution=CLINIC, qualified_at=NOON - timedelta(days=1000))
        yield database


@pytest.fixture
def postgresql(database: Database) -> Database:
    """The same where there are partitions."""
    if not database.url:
        pytest.skip("SQLite has no partitions: run with tools/with_postgresql.py")
    return database
