"""Reminders of the roll-out: visits made with virtual cards in a month that is over and not uploaded."""

from __future__ import annotations

from datetime import date, datetime
from typing import Final

from django.db.models import F

from nhicard.insurer.reminders.services import Text, remind
from nhicard.insurer.virtualcards.models import MonthFigures

TOPIC: Final = "virtualcards"
PAGE: Final = "/portal/virtual-cards/"
_MISSING: Final = (
    Text("有虛擬健保卡就醫尚未上傳", "Visits with virtual cards are not uploaded"),
    Text(
        "上個月的虛擬卡就醫次數多於上傳件數，請確認是否漏傳。",
        "Last month more visits were made with virtual cards than uploaded; please see whether some are missing.",
    ),
)


def remind_of_missing(month: date, now: datetime) -> int:
    """Remind whose uploads of the counted month are fewer than the visits, once a month; how many were told."""
    behind = MonthFigures.objects.filter(month=month, visits_uploaded__lt=F("visits_made"))
    codes = list(behind.values_list("institution__code", flat=True))
    return remind(TOPIC, codes, *_MISSING, now, f"virtual-cards-{month:%Y-%m}", PAGE)
