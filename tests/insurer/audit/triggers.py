"""The database's triggers switched off for a while, as somebody with all rights on it could."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

from django.core.management.commands import flush
from django.db import connection


@contextmanager
def off() -> Iterator[None]:
    """Tables that are only added to can be changed and emptied meanwhile."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET session_replication_role = replica")
            triggers = []
        else:
            cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
            triggers = cursor.fetchall()
        for name, _ in triggers:
            cursor.execute(f"DROP TRIGGER {name}")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                cursor.execute("SET session_replication_role = origin")
            for _, statement in triggers:
                cursor.execute(statement)


def let_tests_empty_tables() -> None:
    """From now on Django's ``flush``, with which transactional tests end, empties every table. Once is enough."""
    original = flush.Command.handle
    if hasattr(original, "works_past_triggers"):
        return

    @wraps(original)
    def handle(self: Any, **options: Any) -> None:
        with off():
            original(self, **options)

    handle.works_past_triggers = True  # type: ignore[attr-defined]
    flush.Command.handle = handle  # type: ignore[method-assign]
