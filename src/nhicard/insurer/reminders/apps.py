"""The app's name for Django."""

from django.apps import AppConfig


class RemindersConfig(AppConfig):
    """提醒"""

    name = "nhicard.insurer.reminders"
    label = "reminders"
    verbose_name = "提醒"
