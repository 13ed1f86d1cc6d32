"""The app's name for Django."""

from django.apps import AppConfig


class IntakeConfig(AppConfig):
    """上傳收檔"""

    name = "nhicard.insurer.intake"
    label = "intake"
    verbose_name = "上傳收檔"
