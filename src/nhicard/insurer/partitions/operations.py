"""Migration operations: a table becomes a partitioned one, and what goes before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final

from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

from nhicard.insurer import clock
from nhicard.insurer.partitions.months import month_of, shifted
from nhicard.insurer.partitions.tables import AHEAD, Part, attach, create, is_usual

# Django makes its own sequence an identity column's; a partitioned table has one from PostgreSQL 17 only.
_SEQUENCE: Final = """
CREATE SEQUENCE {table}_id_seq;
SELECT setval('{table}_id_seq', coalesce(max(id), 0) + 1, false) FROM {table}_whole;
ALTER TABLE {table} ALTER COLUMN id SET DEFAULT nextval('{table}_id_seq');
ALTER SEQUENCE {table}_id_seq OWNED BY {table}.id;
"""


class Statements(Operation):
    """SQL by vendor, without Django's models: those need not be built as they were."""

    reduces_to_sql = True

    def __init__(self, **by_vendor: Sequence[str]) -> None:
        self.by_vendor: Mapping[str, Sequence[str]] = by_vendor

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """No model changes."""

    def database_forwards(
        self, app_label: str, editor: BaseDatabaseSchemaEditor, before: ProjectState, after: ProjectState
    ) -> None:
        """Run them."""
        for statement in self.by_vendor[editor.connection.vendor]:
            editor.execute(statement, params=None)

    def describe(self) -> str:
        """For ``migrate --plan``."""
        return "Rows as the new columns want them"


class AlterFieldOnPostgreSQL(migrations.AlterField):
    """SQLite would make the table anew, without its triggers; its visits are one table, and the constraint holds."""

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        """Nothing on other databases."""
        if schema_editor.connection.vendor == "postgresql":
            super().database_forwards(app_label, schema_editor, from_state, to_state)

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        """Nothing on other databases."""
        self.database_forwards(app_label, schema_editor, from_state, to_state)


class Partition(Operation):
    """On PostgreSQL the model's table becomes one partitioned by ``visit_month``, with its rows.

    The months that have rows and are usual, the present one and some ahead get partitions, the rest of the rows goes
    into the default one. Indexes and constraints have the names that Django knows; the primary key is (id, month).
    Django goes on believing in the id alone, which comes from one sequence.
    """

    reversible = False

    def __init__(self, model: str) -> None:
        self.model = model

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """No model changes."""

    def database_forwards(
        self, app_label: str, editor: BaseDatabaseSchemaEditor, before: ProjectState, after: ProjectState
    ) -> None:
        """Make it, fill it, swap it."""
        if editor.connection.vendor != "postgresql":
            return
        model = after.apps.get_model(app_label, self.model)
        table, run = model._meta.db_table, editor.execute
        present = month_of(clock.now().date())
        run(f"ALTER TABLE {table} RENAME TO {table}_whole")
        run(f"ALTER TABLE {table}_whole ALTER COLUMN id DROP IDENTITY")
        like = f"LIKE {table}_whole INCLUDING CONSTRAINTS INCLUDING STORAGE"
        run(f"CREATE TABLE {table} ({like}) PARTITION BY RANGE (visit_month)")
        for part in (*_parts(editor, table, present), Part(table, None)):
            for statement in (*create(part, present), attach(part)):
                run(statement)
        run(_SEQUENCE.format(table=table), params=None)
        columns = ", ".join(editor.quote_name(field.column) for field in model._meta.concrete_fields)
        run(f"INSERT INTO {table} ({columns}) SELECT {columns} FROM {table}_whole")  # noqa: S608  # names of our own models
        run(f"DROP TABLE {table}_whole")
        _add_keys(editor, model)

    def describe(self) -> str:
        """For ``migrate --plan``."""
        return f"{self.model} partitioned by month on PostgreSQL"


def _parts(editor: BaseDatabaseSchemaEditor, table: str, present: date) -> list[Part]:
    with editor.connection.cursor() as cursor:
        cursor.execute(f"SELECT DISTINCT visit_month FROM {table}_whole")  # noqa: S608  # names of our own models
        with_rows = {month for (month,) in cursor.fetchall() if is_usual(month, present)}
    ahead = {shifted(present, by) for by in range(AHEAD + 1)}
    return [Part(table, month) for month in sorted(with_rows | ahead)]


def _add_keys(editor: Any, model: type[models.Model]) -> None:
    """Primary key, foreign keys, indexes and constraints by the names that Django knows."""
    table = model._meta.db_table
    editor.execute(f"ALTER TABLE {table} ADD CONSTRAINT {table}_pkey PRIMARY KEY (id, visit_month)")
    fields: Sequence[Any] = model._meta.local_fields
    for field in fields:
        if field.remote_field and field.db_constraint:
            editor.execute(editor._create_fk_sql(model, field, "_fk_%(to_table)s_%(to_column)s"))
        for statement in editor._field_indexes_sql(model, field):
            editor.execute(statement)
    for index in model._meta.indexes:
        editor.add_index(model, index)
    for constraint in model._meta.constraints:
        editor.add_constraint(model, constraint)
