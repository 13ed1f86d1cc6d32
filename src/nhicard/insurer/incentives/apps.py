"""The app."""

from django.apps import AppConfig


class IncentivesConfig(AppConfig):
    """Incentives."""

    name = "nhicard.insurer.incentives"
    label = "incentives"
