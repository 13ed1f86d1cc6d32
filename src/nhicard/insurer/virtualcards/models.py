"""Who takes part in which setting since when, and what was counted of each month."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from nhicard.insurer.registry.models import Institution, Validity


class Setting(models.TextChoices):
    """執行場域"""

    ON_SITE = "on-site", "院所現場"
    TELEMEDICINE = "telemedicine", "遠距醫療"
    HOME_CARE = "home-care", "居家醫療照護"


class Participation(Validity):
    """An institution takes virtual cards in a setting; the last day still counts."""

    institution = models.ForeignKey(Institution, on_delete=models.PROTECT, related_name="virtual_card_settings")
    setting = models.CharField(max_length=12, choices=Setting.choices)
    joined_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    joined_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["institution", "setting"], name="setting_joined_once", condition=Q(valid_until__isnull=True)
            ),
            models.CheckConstraint(
                name="setting_ends_after_it_begins",
                condition=Q(valid_until__isnull=True) | Q(valid_until__gte=F("valid_from")),
            ),
        ]


class MonthFigures(models.Model):
    """What an institution did with virtual cards in a month, as of ``counted_at``; replaced when counted anew."""

    institution = models.ForeignKey(Institution, on_delete=models.CASCADE, related_name="virtual_card_figures")
    month = models.DateField(help_text="its first day")
    counted_at = models.DateTimeField()
    cards = models.PositiveIntegerField(default=0, help_text="citizens whose virtual card was read")
    first_used = models.PositiveIntegerField(default=0, help_text="of these: for the first time anywhere")
    visits_made = models.PositiveIntegerField(default=0, help_text="taps with a virtual card, not rolled back")
    telemedicine = models.PositiveIntegerField(default=0, help_text="video consultations that the patient agreed to")
    visits_uploaded = models.PositiveIntegerField(default=0, help_text="accepted visits made with a virtual card")
    uploaded_home = models.PositiveIntegerField(default=0, help_text="of these: home care")
    uploaded_all = models.PositiveIntegerField(default=0, help_text="accepted visits, with whatever card")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["institution", "month"], name="one_figure_a_month")]
        indexes = [models.Index(fields=["month"], name="virtual_figures_by_month")]


#: The columns that are counted, in the order of tables and files.
FIGURES = ("cards", "first_used", "visits_made", "telemedicine", "visits_uploaded", "uploaded_home", "uploaded_all")
