"""The database itself refuses to change or delete what happened to a case and what an institution uploads for real."""

from __future__ import annotations

from django.db import migrations

from nhicard.insurer.append_only import append_only


class Migration(migrations.Migration):
    dependencies = [("applications", "0001_initial")]

    operations = [append_only("applications_event"), append_only("applications_editionchange")]
