"""The app's name for Django."""

from django.apps import AppConfig


class AuditConfig(AppConfig):
    """稽核紀錄"""

    name = "nhicard.insurer.audit"
    label = "audit"
    verbose_name = "稽核紀錄"
