"""The app's name for Django."""

from django.apps import AppConfig


class RegistryConfig(AppConfig):
    """登錄資料"""

    name = "nhicard.insurer.registry"
    label = "registry"
    verbose_name = "登錄資料"
