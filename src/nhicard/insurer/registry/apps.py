"""The app's name for Django, and the tables of which a single saved row changes what checks see."""

from django.apps import AppConfig
from django.db.models.signals import post_delete, post_save


class RegistryConfig(AppConfig):
    """登錄資料"""

    name = "nhicard.insurer.registry"
    label = "registry"
    verbose_name = "登錄資料"

    def ready(self) -> None:
        """Watch the tables; whoever writes them in bulk calls ``state.bump`` itself."""
        from nhicard.insurer.registry import models, state

        for model in (models.Institution, models.Contract, models.SecurityModule):
            for signal in (post_save, post_delete):
                signal.connect(state.changed, sender=model, dispatch_uid=f"registry state {model.__name__}")
