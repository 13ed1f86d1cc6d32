"""The database itself refuses to change or delete a settlement."""

from django.db import migrations

from nhicard.insurer.append_only import append_only


class Migration(migrations.Migration):
    dependencies = [("incentives", "0001_initial")]
    operations = [append_only("incentives_settlement"), append_only("incentives_line")]
