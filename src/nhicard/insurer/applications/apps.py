"""The app's name for Django, and what it listens to."""

from django.apps import AppConfig


class ApplicationsConfig(AppConfig):
    """線上申請"""

    name = "nhicard.insurer.applications"
    label = "applications"
    verbose_name = "線上申請"

    def ready(self) -> None:
        """The worker tells when it turns to its queue and when it has settled a batch."""
        from nhicard.insurer.applications.services import switching
        from nhicard.insurer.intake import signals

        signals.turning.connect(switching.on_turning)
        signals.settled.connect(switching.on_settled)
