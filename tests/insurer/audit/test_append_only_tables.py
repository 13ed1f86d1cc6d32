"""Every model that says its rows are only added to has a table that refuses the rest, whatever program asks."""

from __future__ import annotations

import pytest
from django.apps import apps
from django.db import connection

from nhicard.insurer.append_only import AppendOnly

TABLES = sorted(model._meta.db_table for model in apps.get_models() if issubclass(model, AppendOnly))


@pytest.fixture
def triggers(db: None) -> set[tuple[str, str]]:
    """Table and name of each trigger of the database."""
    listed = "SELECT tbl_name, name FROM sqlite_master WHERE type = 'trigger'"
    if connection.vendor == "postgresql":
        listed = "SELECT tgrelid::regclass::text, tgname FROM pg_trigger WHERE NOT tgisinternal"
    with connection.cursor() as cursor:
        cursor.execute(listed)
        return set(cursor.fetchall())


@pytest.mark.parametrize("table", TABLES)
def test_the_database_refuses_too(table: str, triggers: set[tuple[str, str]]) -> None:
    expected = {"postgresql": ["append_only"]}.get(connection.vendor, ["no_update", "no_delete"])
    assert {(table, f"{table}_{name}") for name in expected} <= triggers
