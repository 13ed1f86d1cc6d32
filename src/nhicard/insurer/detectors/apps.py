"""The app's name for Django."""

from django.apps import AppConfig


class DetectorsConfig(AppConfig):
    """違規案例分析"""

    name = "nhicard.insurer.detectors"
    label = "detectors"
    verbose_name = "違規案例分析"
