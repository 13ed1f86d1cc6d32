"""Tables that are only added to: the base of their models, and the operation after which the database refuses."""

from __future__ import annotations

from typing import Any, Final, NoReturn, TypeVar

from django.db import models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

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
Row = TypeVar("Row", bound=models.Model)


class AppendOnlyQuerySet(models.QuerySet[Row]):
    """Rows that are neither changed nor deleted: ``update`` and ``delete`` raise TypeError."""

    def update(self, **_: Any) -> NoReturn:
        """Refused."""
        raise TypeError(f"{self.model._meta.db_table} is only added to")

    def delete(self) -> NoReturn:
        """Refused."""
        raise TypeError(f"{self.model._meta.db_table} is only added to")


class AppendOnly(models.Model):
    """A row that is written once. Its table's migration says ``append_only(table)``, so that the database agrees."""

    objects = AppendOnlyQuerySet.as_manager()

    class Meta:
        abstract = True

    def save(self, *_: Any, **__: Any) -> None:
        """Insert; raises TypeError for a row that is there already."""
        if self.pk is not None:
            raise TypeError(f"{self._meta.db_table} is only added to")
        super().save(force_insert=True)

    def delete(self, *_: Any, **__: Any) -> NoReturn:
        """Never. Raises TypeError."""
        raise TypeError(f"{self._meta.db_table} is only added to")


class append_only(Operation):  # noqa: N801  # reads as a word in the list of a migration's operations
    """The operation after which nobody can change or delete a row of the table.

    It asks for no model, so Django need not build all models as they were: with some forty such tables that would
    be most of the time in which a new database is made.
    """

    reversible = True
    reduces_to_sql = True

    def __init__(self, table: str) -> None:
        self.table = table

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """No model changes."""

    def database_forwards(
        self, app_label: str, editor: BaseDatabaseSchemaEditor, before: ProjectState, after: ProjectState
    ) -> None:
        """Triggers that refuse."""
        if editor.connection.vendor == "postgresql":
            editor.execute(_FUNCTION.format(table=self.table))
            editor.execute(_TRIGGER.format(table=self.table))
            return
        for operation in _OPERATIONS:
            editor.execute(_SQLITE.format(table=self.table, name=operation.lower(), operation=operation))

    def database_backwards(
        self, app_label: str, editor: BaseDatabaseSchemaEditor, before: ProjectState, after: ProjectState
    ) -> None:
        """No triggers."""
        if editor.connection.vendor == "postgresql":
            editor.execute(f"DROP TRIGGER {self.table}_append_only ON {self.table}")
            editor.execute(f"DROP FUNCTION {self.table}_refuse")
            return
        for operation in _OPERATIONS:
            editor.execute(f"DROP TRIGGER {self.table}_no_{operation.lower()}")

    def describe(self) -> str:
        """For ``migrate --plan``."""
        return f"Rows of {self.table} are only added"
