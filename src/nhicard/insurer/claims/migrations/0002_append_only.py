"""The database itself refuses to change or delete what became of a month."""

from __future__ import annotations

from django.db import migrations

from nhicard.insurer.append_only import append_only


class Migration(migrations.Migration):
    dependencies = [("claims", "0001_initial")]
    operations = [append_only("claims_step")]
