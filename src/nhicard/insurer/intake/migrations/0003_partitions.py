"""Visits and orders by month, partitioned on PostgreSQL; the records in force in a table of their own.

On PostgreSQL the big tables are written anew and locked meanwhile (docs/scale-online.md tells how long).
"""

import django.db.models.deletion
from django.db import migrations, models

from nhicard.insurer.partitions.operations import Partition, Statements

_MONTHS = {
    "postgresql": "CAST(date_trunc('month', received_at) AS date)",
    "sqlite": "date(received_at, 'start of month')",
}
_VISITS = "UPDATE intake_visit SET visit_month = {month} WHERE visit_month IS NULL"
_ORDERS = """
UPDATE intake_order SET visit_month = (
    SELECT v.visit_month FROM intake_visit v
    WHERE v.submission_id = intake_order.submission_id AND v.record = intake_order.record
)
"""
_IN_FORCE = """
INSERT INTO intake_inforce (key, submission_id, record, visit_month)
SELECT key, submission_id, record, visit_month FROM intake_visit WHERE state = 'accepted'
"""
_TRACES = """
INSERT INTO intake_trace (value, visit_month)
SELECT patient_id || ' ' || visit_time, visit_month FROM intake_visit WHERE patient_id <> '' AND visit_time <> ''
UNION SELECT identifier, visit_month FROM intake_visit WHERE identifier <> ''
UNION SELECT actual_identifier, visit_month FROM intake_visit WHERE actual_identifier <> ''
"""


def _rows(vendor: str) -> list[str]:
    return [_VISITS.format(month=_MONTHS[vendor]), _ORDERS, _IN_FORCE, _TRACES]


class Migration(migrations.Migration):
    dependencies = [("intake", "0002_fair_turns")]

    operations = [
        migrations.RemoveConstraint(model_name="visit", name="one_record_in_force"),
        migrations.CreateModel(
            name="InForce",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key", models.CharField(help_text="of the visit", max_length=100)),
                ("record", models.PositiveIntegerField()),
                ("visit_month", models.DateField()),
                (
                    "submission",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="intake.submission",
                    ),
                ),
            ],
            options={"constraints": [models.UniqueConstraint(fields=("key",), name="one_record_in_force")]},
        ),
        migrations.CreateModel(
            name="Trace",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("value", models.CharField(max_length=24)),
                ("visit_month", models.DateField()),
            ],
            options={"indexes": [models.Index(fields=["value", "visit_month"], name="trace_by_value")]},
        ),
        migrations.AddField(
            model_name="order",
            name="visit_month",
            field=models.DateField(help_text="of its record", null=True),
        ),
        Statements(postgresql=_rows("postgresql"), sqlite=_rows("sqlite")),
        migrations.AlterField(
            model_name="order",
            name="visit_month",
            field=models.DateField(help_text="of its record"),
        ),
        migrations.AlterField(
            model_name="visit",
            name="visit_month",
            field=models.DateField(help_text="first day of the visit's month; of the receipt's where it tells no date"),
        ),
        migrations.RemoveConstraint(model_name="visit", name="record_once_a_submission"),
        migrations.AddConstraint(
            model_name="visit",
            constraint=models.UniqueConstraint(
                fields=("submission", "record", "visit_month"), name="record_once_a_submission"
            ),
        ),
        migrations.RemoveConstraint(model_name="order", name="order_once_a_record"),
        migrations.AddConstraint(
            model_name="order",
            constraint=models.UniqueConstraint(
                fields=("submission", "record", "order", "visit_month"), name="order_once_a_record"
            ),
        ),
        migrations.AlterField(
            model_name="visit",
            name="submission",
            field=models.ForeignKey(
                db_index=False, on_delete=django.db.models.deletion.PROTECT, to="intake.submission"
            ),
        ),
        migrations.AlterField(
            model_name="order",
            name="submission",
            field=models.ForeignKey(
                db_index=False, on_delete=django.db.models.deletion.PROTECT, to="intake.submission"
            ),
        ),
        Partition("Visit"),
        Partition("Order"),
    ]
