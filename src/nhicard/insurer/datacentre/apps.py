"""The app's name for Django."""

from django.apps import AppConfig


class DataCentreConfig(AppConfig):
    """健保資料中心"""

    name = "nhicard.insurer.datacentre"
    label = "datacentre"
    verbose_name = "健保資料中心"
