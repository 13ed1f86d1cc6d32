"""The app's name for Django."""

from django.apps import AppConfig


class AnnouncementsConfig(AppConfig):
    """公告事項"""

    name = "nhicard.insurer.announcements"
    label = "announcements"
    verbose_name = "公告事項"
