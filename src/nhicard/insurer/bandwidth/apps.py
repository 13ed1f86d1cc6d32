"""The app's name for Django."""

from django.apps import AppConfig


class BandwidthConfig(AppConfig):
    """固接網路月租費補助"""

    name = "nhicard.insurer.bandwidth"
    label = "bandwidth"
    verbose_name = "固接網路月租費補助"
