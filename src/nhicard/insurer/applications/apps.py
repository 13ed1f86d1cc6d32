"""The app's name for Django."""

from django.apps import AppConfig


class ApplicationsConfig(AppConfig):
    """線上申請"""

    name = "nhicard.insurer.applications"
    label = "applications"
    verbose_name = "線上申請"
