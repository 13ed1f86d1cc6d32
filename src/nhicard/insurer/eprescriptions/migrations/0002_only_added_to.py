"""The database itself refuses to change or delete a document or its cancellation."""

from django.db import migrations

from nhicard.insurer.append_only import append_only


class Migration(migrations.Migration):
    dependencies = [("eprescriptions", "0001_initial")]
    operations = [
        append_only("eprescriptions_eprescription"),
        append_only("eprescriptions_dispensing"),
        append_only("eprescriptions_cancellation"),
    ]
