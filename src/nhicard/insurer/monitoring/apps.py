"""The app's name for Django."""

from django.apps import AppConfig


class MonitoringConfig(AppConfig):
    """監控報表"""

    name = "nhicard.insurer.monitoring"
    label = "monitoring"
    verbose_name = "監控報表"
