"""The app's name for Django."""

from django.apps import AppConfig


class SecurityModulesConfig(AppConfig):
    """安全模組"""

    name = "nhicard.insurer.securitymodules"
    label = "securitymodules"
    verbose_name = "安全模組"
