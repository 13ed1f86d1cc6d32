"""Reminders: join, or send the bill of a month."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from nhicard.insurer.bandwidth import months
from nhicard.insurer.bandwidth.models import Line
from nhicard.insurer.bandwidth.services import evidence, statistics
from nhicard.insurer.bandwidth.services.enrolling import enrolled
from nhicard.insurer.registry.models import Institution
from nhicard.insurer.reminders.services import Text, remind

_LINK = "/portal/bandwidth/"


def of_joining(institutions: Any, now: datetime) -> int:
    """Tell those that have not joined, once a month; how many were told now."""
    codes = [each.institution.code for each in statistics.standings(institutions, now.date()) if not each.joined]
    title = Text("固接網路月租費補助：歡迎參加", "Line fee subsidy: you may join")
    body = Text(
        "貴機構尚未參加「即時查詢病患就醫資訊方案」固接網路月租費補助，可於入口網站「網路月租費」線上申請。",
        "Your institution does not take part in the line fee subsidy yet; apply on the portal.",
    )
    return remind("bandwidth", codes, title, body, now, f"bandwidth-join-{months.code(now.date())}", _LINK)


def of_evidence(institutions: Any, fee_month: date, now: datetime) -> int:
    """Tell those that take part and have not sent the month's bill, once a month; how many were told now."""
    codes = missing(institutions, fee_month, now)
    month = months.told(fee_month)
    title = Text(f"請上傳 {month} 網路月租費帳單", f"Send the line bill of {month}")
    body = Text(
        f"尚未收到貴機構 {month} 的固接網路帳單，請於入口網站「網路月租費」填寫金額、速率並附帳單。",
        f"The line bill of {month} has not arrived; send amount, speed and the bill on the portal.",
    )
    return remind("bandwidth", codes, title, body, now, f"bandwidth-bill-{months.code(fee_month)}", _LINK)


def missing(institutions: Any, fee_month: date, now: datetime) -> list[str]:
    """Codes of those that take part in the month and sent no bill."""
    holding = enrolled(institutions, fee_month, now)
    sent = set(evidence.latest(list(holding), fee_month).values_list("institution", flat=True))
    settled = set(Line.objects.filter(fee_month=fee_month).values_list("institution", flat=True))
    lacking = [pk for pk in holding if pk not in sent | settled]
    return list(Institution.objects.filter(pk__in=lacking).order_by("code").values_list("code", flat=True))
