"""The database itself refuses to change or delete an image or a judgement."""

from django.db import migrations

from nhicard.insurer.append_only import append_only


class Migration(migrations.Migration):
    dependencies = [("prescriptions", "0001_initial")]
    operations = [append_only("prescriptions_qrimage"), append_only("prescriptions_judgement")]
