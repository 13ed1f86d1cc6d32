"""The app's name for Django."""

from django.apps import AppConfig


class VirtualCardsConfig(AppConfig):
    """虛擬健保卡"""

    name = "nhicard.insurer.virtualcards"
    label = "virtualcards"
    verbose_name = "虛擬健保卡"
