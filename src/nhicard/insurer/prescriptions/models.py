"""Uploaded images of prescriptions and what was found of them; rows are only added (triggers: migration 0002)."""

from __future__ import annotations

from django.db import models

from nhicard.insurer.accounts.models import User
from nhicard.insurer.append_only import AppendOnly
from nhicard.insurer.intake.fields import VisitLink
from nhicard.insurer.registry.models import Institution


class Outcome(models.TextChoices):
    """結果"""

    VERIFIED = "verified", "已驗證"
    WAITING = "waiting", "待就醫資料"
    DOUBTFUL = "doubtful", "待分區確認"
    REFUSED = "refused", "不符"


class QrImage(AppendOnly):
    """One file; the same one by the same institution is the same row. The file itself lies in ``services.files``."""

    institution = models.ForeignKey(Institution, on_delete=models.PROTECT, related_name="qr_images")
    digest = models.CharField(max_length=64, help_text="SHA-256 of the file")
    kind = models.CharField(max_length=4, help_text="pdf, png or jpeg, by its first bytes")
    size = models.PositiveIntegerField()
    text = models.TextField(blank=True, help_text="the prescription's text; empty where its codes do not fit together")
    recorded_at = models.DateTimeField()
    recorded_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["institution", "digest"], name="one_image_an_institution")]


class Judgement(AppendOnly):
    """What was found of an image at a moment, or decided by a division; the last one counts."""

    image = models.ForeignKey(QrImage, on_delete=models.PROTECT, related_name="judgements")
    number = models.PositiveIntegerField(help_text="from 1 within the image")
    outcome = models.CharField(max_length=8, choices=Outcome.choices)
    reasons = models.JSONField(default=list, help_text="[code, facts] of nhicard.prescriptions.Reason")
    visit = VisitLink()
    as_of = models.DateTimeField()
    decided_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+", help_text="承辦人")
    remark = models.CharField(max_length=500, blank=True, help_text="the division's reason")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["image", "number"], name="one_judgement_a_number")]
