"""Tables that the database itself only adds to: a migration operation."""

from __future__ import annotations

from functools import partial
from typing import Final

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

_SQLITE: Final = """
CREATE TRIGGER {table}_no_{name} BEFORE {operation} ON {table}
BEGIN SELECT RAISE(ABORT, '{table} is only added to'); END
"""
_FUNCTION: Final = """
CREATE FUNCTION {table}_refuse() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION '{table} is only added to'; END $$
"""
_TRIGGER: Final = """
CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}
FOR EACH STATEMENT EXECUTE FUNCTION {table}_refuse()
"""
_OPERATIONS: Final = ("UPDATE", "DELETE")


def append_only(table: str) -> migrations.RunPython:
    """The operation after which nobody can change or delete a row of the table."""
    return migrations.RunPython(partial(_refuse, table), partial(_allow, table))


def _refuse(table: str, apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    if editor.connection.vendor == "postgresql":
        editor.execute(_FUNCTION.format(table=table))
        editor.execute(_TRIGGER.format(table=table))
        return
    for operation in _OPERATIONS:
        editor.execute(_SQLITE.format(table=table, name=operation.lower(), operation=operation))


def _allow(table: str, apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    if editor.connection.vendor == "postgresql":
        editor.execute(f"DROP TRIGGER {table}_append_only ON {table}")
        editor.execute(f"DROP FUNCTION {table}_refuse")
        return
    for operation in _OPERATIONS:
        editor.execute(f"DROP TRIGGER {table}_no_{operation.lower()}")
