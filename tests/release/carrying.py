"""Rows of a SQLite database carried to an empty PostgreSQL database (DATABASE_URL), at the version that they have.

    python tests/release/carrying.py DATABASE

The tables are made by the migrations that the SQLite database names as applied; what comes later is the upgrade's.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from django.core.management.color import no_style
from django.db import connection, connections, transaction
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.recorder import MigrationRecorder

from nhicard.insurer import serving

Key = tuple[str, str]
_OLD: Final = "old"


def carry(database: Path) -> None:
    """Make the tables and fill them."""
    engine = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(database), "OPTIONS": {}}
    connections.settings[_OLD] = connection.settings_dict | engine
    executor = MigrationExecutor(connection)
    targets = list(_newest(executor, set(MigrationRecorder(connections[_OLD]).applied_migrations())))
    executor.migrate(targets)
    models = executor.loader.project_state(targets).apps.get_models(include_auto_created=True)
    with transaction.atomic():  # foreign keys are looked at when it ends
        for model in models:
            ours = model._base_manager
            if ours.exists():
                ours.all().delete()  # a row that a migration made
            ours.bulk_create(ours.using(_OLD).order_by("pk").iterator(), batch_size=500)
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), models):
            cursor.execute(statement)


def _newest(executor: MigrationExecutor, applied: set[Key]) -> Iterator[Key]:
    """Of each app the applied migrations that no other applied one of it follows. Raises KeyError for one unknown."""
    for key in sorted(applied):
        if not any(child.key in applied and child.key[0] == key[0] for child in _node(executor, key).children):
            yield key


def _node(executor: MigrationExecutor, key: Key):  # type: ignore[no-untyped-def]  # Django's own class is private
    return executor.loader.graph.node_map[key]


if __name__ == "__main__":
    serving.set_up_django()
    carry(Path(sys.argv[1]))
