"""The app's name for Django, and what it listens to."""

from django.apps import AppConfig


class ClaimsConfig(AppConfig):
    """費用申報檔"""

    name = "nhicard.insurer.claims"
    label = "claims"
    verbose_name = "費用申報檔"

    def ready(self) -> None:
        """The worker tells when it turns to its queue: one claim file is checked then."""
        from nhicard.insurer.claims.services import checking
        from nhicard.insurer.intake import signals

        signals.turning.connect(checking.on_turning)
