"""The app's name for Django."""

from django.apps import AppConfig


class OperationsConfig(AppConfig):
    """維運"""

    name = "nhicard.insurer.operations"
    label = "operations"
    verbose_name = "維運"
