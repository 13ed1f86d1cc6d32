"""A moment at which an upload's turn comes; what waits already has its turn when it came."""

from datetime import datetime

from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

_UNTRIED = models.Q(("state", "pending"), ("tries", 0))


def as_they_came(apps: Apps, _: BaseDatabaseSchemaEditor) -> None:
    waiting = apps.get_model("intake", "Submission").objects.filter(state="pending")
    waiting.update(due_at=models.F("received_at"))


class Migration(migrations.Migration):
    dependencies = [("intake", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="submission",
            name="due_at",
            field=models.DateTimeField(
                default=datetime(2000, 1, 1), help_text="its turn in the queue (services.turns)"
            ),
        ),
        migrations.RunPython(as_they_came, migrations.RunPython.noop),
        migrations.AddIndex(
            model_name="submission",
            index=models.Index(fields=["due_at", "id"], name="submission_turn", condition=_UNTRIED),
        ),
        migrations.AddIndex(
            model_name="submission",
            index=models.Index(fields=["institution", "due_at"], name="submission_own_turn", condition=_UNTRIED),
        ),
    ]
