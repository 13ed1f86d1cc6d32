"""The app."""

from django.apps import AppConfig


class OpenDataConfig(AppConfig):
    """Open data."""

    name = "nhicard.insurer.opendata"
    label = "opendata"
