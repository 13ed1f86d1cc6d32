"""The app's name for Django."""

from django.apps import AppConfig


class PrescriptionsConfig(AppConfig):
    """處方箋二維條碼"""

    name = "nhicard.insurer.prescriptions"
    label = "prescriptions"
    verbose_name = "處方箋二維條碼"
