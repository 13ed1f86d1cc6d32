"""The app's name for Django."""

from django.apps import AppConfig


class PortalConfig(AppConfig):
    """入口網站"""

    name = "nhicard.insurer.portal"
    label = "portal"
    verbose_name = "入口網站"
