"""The database itself refuses to change or delete what was registered."""

from __future__ import annotations

from django.db import migrations

from nhicard.insurer.append_only import append_only


class Migration(migrations.Migration):
    dependencies = [("hours", "0001_initial")]
    operations = [
        append_only("hours_regularhours"),
        append_only("hours_holidayregistration"),
        append_only("hours_holidaysession"),
    ]
