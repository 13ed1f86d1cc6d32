"""The app's name for Django."""

from django.apps import AppConfig


class TaxesConfig(AppConfig):
    """扣繳憑單與分列項目表"""

    name = "nhicard.insurer.taxes"
    label = "taxes"
    verbose_name = "扣繳憑單與分列項目表"
