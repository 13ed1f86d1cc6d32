"""Months that are in the archive instead of the tables."""

from __future__ import annotations

from datetime import date

from django.db import models


class ArchivedMonth(models.Model):
    """A month of visits and orders that was written to files and dropped. ``digest``: SHA-256 of its manifest."""

    month = models.DateField(unique=True)
    visits = models.PositiveBigIntegerField()
    orders = models.PositiveBigIntegerField()
    digest = models.CharField(max_length=64)
    archived_at = models.DateTimeField()


def archived_months() -> list[date]:
    """In their order."""
    return list(ArchivedMonth.objects.order_by("month").values_list("month", flat=True))
