"""The app's name for Django."""

from django.apps import AppConfig


class HoursConfig(AppConfig):
    """看診時段"""

    name = "nhicard.insurer.hours"
    label = "hours"
    verbose_name = "看診時段"
