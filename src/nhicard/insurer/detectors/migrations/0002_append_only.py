"""The database itself refuses to change or delete what became of a finding."""

from __future__ import annotations

from django.db import migrations

from nhicard.insurer.append_only import append_only


class Migration(migrations.Migration):
    dependencies = [("detectors", "0001_initial")]
    operations = [append_only("detectors_step")]
