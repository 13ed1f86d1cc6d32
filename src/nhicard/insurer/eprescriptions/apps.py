"""The app's name for Django."""

from django.apps import AppConfig


class EprescriptionsConfig(AppConfig):
    """電子處方箋"""

    name = "nhicard.insurer.eprescriptions"
    label = "eprescriptions"
    verbose_name = "電子處方箋"
