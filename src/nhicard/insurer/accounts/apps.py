"""The app's name for Django."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """帳號與權限"""

    name = "nhicard.insurer.accounts"
    label = "accounts"
    verbose_name = "帳號與權限"
