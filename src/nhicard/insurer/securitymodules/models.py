"""What was decided about SAMs and why; the SAMs and the applications themselves are the registry's and the centre's."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from nhicard.insurer.append_only import AppendOnly
from nhicard.insurer.datacentre.models import CloudSamApplication
from nhicard.insurer.registry.models import SecurityModule


class Decision(AppendOnly):
    """The division's decision on an application for a cloud SAM."""

    application = models.OneToOneField(CloudSamApplication, on_delete=models.PROTECT, related_name="decision")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    is_approved = models.BooleanField()
    reason = models.CharField(max_length=200, blank=True)


class Reason(models.TextChoices):
    """註銷原因"""

    LOST = "lost", "遺失或外洩"
    MACHINE = "machine", "更換電腦"
    DAMAGED = "damaged", "檔案或卡片損壞"
    UNUSED = "unused", "不再使用"
    OTHER = "other", "其他"


class Revocation(AppendOnly):
    """Why a SAM was revoked, and by whom."""

    sam = models.OneToOneField(SecurityModule, on_delete=models.PROTECT, related_name="revocation")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    reason = models.CharField(max_length=8, choices=Reason.choices)
