"""Visits become partitions, whose ids the database cannot know as unique."""

import django.db.models.deletion
from django.db import migrations, models

from nhicard.insurer.partitions.operations import AlterFieldOnPostgreSQL


class Migration(migrations.Migration):
    dependencies = [("followup", "0002_append_only"), ("intake", "0001_initial")]
    run_before = [("intake", "0003_partitions")]

    operations = [
        AlterFieldOnPostgreSQL(
            model_name="case",
            name="visit",
            field=models.ForeignKey(
                db_constraint=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="intake.visit",
            ),
        ),
    ]
