"""The app's name for Django."""

from django.apps import AppConfig


class FollowUpConfig(AppConfig):
    """追蹤"""

    name = "nhicard.insurer.followup"
    label = "followup"
    verbose_name = "追蹤"
