"""Settlements and their rows. Triggers of the database refuse to change or delete them (migration 0002)."""

from __future__ import annotations

from django.db import models

from nhicard.insurer.append_only import AppendOnly


class Settlement(AppendOnly):
    """What a division pays as of the end of a day, beyond what was settled before.

    ``scheme``, ``events`` and ``institutions`` are what it was computed from, so that it can be computed again.
    """

    year = models.PositiveSmallIntegerField(help_text="ROC year of the scheme")
    division = models.PositiveSmallIntegerField(help_text="分區業務組 1 to 6")
    number = models.PositiveIntegerField(help_text="from 1 within year and division")
    as_of = models.DateField()
    made_at = models.DateTimeField()
    made_by = models.CharField(max_length=40, help_text="username, or the name of the job")
    scheme = models.TextField(help_text="the scheme's document, JSON")
    events = models.BinaryField(help_text="the division's events, Parquet")
    institutions = models.BinaryField(help_text="the division's institutions, Parquet")
    digest = models.CharField(max_length=64, help_text="SHA-256 over scheme, events and institutions")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["year", "division", "number"], name="one_settlement_a_number"),
            models.UniqueConstraint(fields=["year", "division", "as_of"], name="one_settlement_a_day"),
        ]

    def __str__(self) -> str:
        return f"{self.year}-{self.division}-{self.number}"


class Line(AppendOnly):
    """One item of one institution whose points differ from what was settled before."""

    settlement = models.ForeignKey(Settlement, on_delete=models.PROTECT, related_name="lines")
    year = models.PositiveSmallIntegerField()
    institution = models.CharField(max_length=10)
    item = models.CharField(max_length=4)
    entitled = models.PositiveIntegerField(help_text="points as of the settlement's day")
    before = models.IntegerField(help_text="sum of the differences settled before")
    difference = models.IntegerField(help_text="points to pay, below zero to take back")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["settlement", "institution", "item"], name="one_line_an_item"),
        ]
        indexes = [models.Index(fields=["year", "institution", "item"], name="settled_by_institution")]
