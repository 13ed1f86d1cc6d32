"""Reminders to who has not registered for a holiday: when registration opens, and as it comes to an end."""

from __future__ import annotations

import csv
from datetime import date, datetime
from importlib.resources import files

from django.urls import reverse

from nhicard.insurer.hours.models import Holiday
from nhicard.insurer.hours.services import holidays
from nhicard.insurer.portal.texts import texts
from nhicard.insurer.registry.models import Institution
from nhicard.insurer.reminders.services import Text, remind

TOPIC = "hours"


def stage(holiday: Holiday, today: date) -> str | None:
    """The latest stage of ``data/reminder_stages.csv`` that has come, None outside the window.

    ``days_left``: to the last day of the window; empty: from its first day on.
    """
    if not holidays.is_taken(holiday, today):
        return None
    text = (files("nhicard.insurer.hours") / "data" / "reminder_stages.csv").read_text(encoding="utf-8")
    left = (holiday.closes_on - today).days
    come = [row["stage"] for row in csv.DictReader(text.splitlines()) if left <= int(row["days_left"] or left)]
    return come[-1]


def remind_due(now: datetime) -> dict[int, int]:
    """Remind, for every holiday for which registration is open, who has not registered; how many, by holiday.

    May run as often as you like: a stage is told once.
    """
    return {each.pk: _remind(each, now) for each in holidays.current() if stage(each, now.date())}


def _remind(holiday: Holiday, now: datetime) -> int:
    required = holidays.required(holiday, Institution.objects.all())
    registered = holidays.registered(holiday, required)
    missing = [code for key, code in required.values_list("pk", "code") if key not in registered]
    names = {"zh": holiday.name_zh, "en": holiday.name_en}
    days = {"first": f"{holiday.first_day}", "last": f"{holiday.last_day}", "closes": f"{holiday.closes_on}"}
    step = stage(holiday, now.date())

    def text(key: str) -> Text:
        zh, en = texts()[key]
        return Text(zh.format(name=names["zh"], **days), en.format(name=names["en"], **days))

    return remind(
        TOPIC,
        missing,
        text(f"hours.reminder.{step}"),
        text("hours.reminder.body"),
        now,
        f"hours.holiday.{holiday.pk}.{step}",
        f"{reverse('hours:holiday')}?holiday={holiday.pk}",
    )
