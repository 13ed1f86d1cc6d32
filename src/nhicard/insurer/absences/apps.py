"""The app's name for Django."""

from django.apps import AppConfig


class AbsencesConfig(AppConfig):
    """醫師出國期間看診"""

    name = "nhicard.insurer.absences"
    label = "absences"
    verbose_name = "醫師出國期間看診"
