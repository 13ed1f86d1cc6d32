"""The database itself refuses to change or delete a qualification: what it rested on stays as it was."""

from django.db import migrations

from nhicard.insurer.append_only import append_only


class Migration(migrations.Migration):
    dependencies = [("monitoring", "0001_initial")]
    operations = [append_only("monitoring_qualification")]
