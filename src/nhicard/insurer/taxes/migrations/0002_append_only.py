"""The database itself refuses to change or delete what was loaded, produced or fetched."""

from django.db import migrations

from nhicard.insurer.append_only import append_only


class Migration(migrations.Migration):
    dependencies = [("taxes", "0001_initial")]
    operations = [
        append_only("taxes_load"),
        append_only("taxes_payment"),
        append_only("taxes_owner"),
        append_only("taxes_production"),
        append_only("taxes_document"),
        append_only("taxes_fetch"),
    ]
