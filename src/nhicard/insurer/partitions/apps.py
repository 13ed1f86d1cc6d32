"""The app's name for Django; months are looked after where the tables are upgraded and once a day by the worker."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class PartitionsConfig(AppConfig):
    """資料分區"""

    name = "nhicard.insurer.partitions"
    label = "partitions"
    verbose_name = "資料分區"

    def ready(self) -> None:
        """Be told of upgrades and of the worker's turns."""
        from nhicard.insurer.intake import signals
        from nhicard.insurer.partitions import turning

        post_migrate.connect(turning.on_migrated, sender=self)
        signals.turning.connect(turning.on_turning)
