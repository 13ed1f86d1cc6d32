"""The app's name for Django."""

from django.apps import AppConfig


class UploadsConfig(AppConfig):
    """檔案上傳"""

    name = "nhicard.insurer.uploads"
    label = "uploads"
    verbose_name = "檔案上傳"
