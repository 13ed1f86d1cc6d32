"""The database itself refuses to change or delete a qualification: what it rested on stays as it was."""

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

_SQLITE = """
CREATE TRIGGER monitoring_qualification_no_{name} BEFORE {operation} ON monitoring_qualification
BEGIN SELECT RAISE(ABORT, 'qualifications are only added to'); END
"""
_FUNCTION = """
CREATE FUNCTION monitoring_qualification_refuse() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'qualifications are only added to'; END $$
"""
_TRIGGER = """
CREATE TRIGGER monitoring_qualification_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON monitoring_qualification
FOR EACH STATEMENT EXECUTE FUNCTION monitoring_qualification_refuse()
"""


def refuse_changes(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    if editor.connection.vendor == "postgresql":
        editor.execute(_FUNCTION)
        editor.execute(_TRIGGER)
        return
    for operation in ("UPDATE", "DELETE"):
        editor.execute(_SQLITE.format(name=operation.lower(), operation=operation))


def allow_changes(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    if editor.connection.vendor == "postgresql":
        editor.execute("DROP TRIGGER monitoring_qualification_append_only ON monitoring_qualification")
        editor.execute("DROP FUNCTION monitoring_qualification_refuse")
        return
    for name in ("update", "delete"):
        editor.execute(f"DROP TRIGGER monitoring_qualification_no_{name}")


class Migration(migrations.Migration):
    dependencies = [("monitoring", "0001_initial")]
    operations = [migrations.RunPython(refuse_changes, allow_changes)]
