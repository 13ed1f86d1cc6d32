"""The database itself refuses to change or delete an enrolment, a decision, a bill or a settlement."""

from django.db import migrations

from nhicard.insurer.append_only import append_only


class Migration(migrations.Migration):
    dependencies = [("bandwidth", "0001_initial")]
    operations = [
        append_only("bandwidth_enrolment"),
        append_only("bandwidth_decision"),
        append_only("bandwidth_leaving"),
        append_only("bandwidth_evidence"),
        append_only("bandwidth_settlement"),
        append_only("bandwidth_line"),
    ]
