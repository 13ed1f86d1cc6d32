"""The database itself refuses to change or delete what an institution was reminded of and what it declined."""

from __future__ import annotations

from django.db import migrations

from nhicard.insurer.append_only import append_only


class Migration(migrations.Migration):
    dependencies = [("reminders", "0001_initial")]
    operations = [append_only("reminders_reminder"), append_only("reminders_choice")]
