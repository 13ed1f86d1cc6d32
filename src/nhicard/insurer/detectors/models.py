"""Lists that detectors compare with, their runs, and what they found with its evidence and history."""

from __future__ import annotations

from django.db import models

from nhicard.insurer.announcements.models import Announcement
from nhicard.insurer.append_only import AppendOnly
from nhicard.insurer.intake.fields import VisitLink


class FactKind(models.TextChoices):
    """清單種類"""

    DEATHS = "deaths", "死亡資料"
    STAYS = "stays", "住院資料"


class FactList(models.Model):
    """One list; the newest of a kind holds, and of older ones only this row is kept, without content."""

    kind = models.CharField(max_length=6, choices=FactKind.choices)
    loaded_at = models.DateTimeField()
    source = models.CharField(max_length=200, help_text="name of the file")
    digest = models.CharField(max_length=64, help_text="SHA-256 of the file, in hexadecimal")
    rows = models.PositiveIntegerField()
    content = models.BinaryField(help_text="Parquet, columns of frames.DEATHS or STAYS; empty where a newer one holds")


class State(models.TextChoices):
    """處理狀態"""

    NEW = "new", "新發現"
    SENT = "sent", "請院所說明"
    ANSWERED = "answered", "院所已說明"
    MARKED = "marked", "建議排除"
    DISMISSED = "dismissed", "確認排除"
    ACCEPTED = "accepted", "同意說明"
    UPHELD = "upheld", "認定違規"
    CLEARED = "cleared", "已更正"


#: What a run closes when nothing is left of it.
UNSETTLED = (State.NEW, State.SENT, State.ANSWERED, State.MARKED)


class Finding(models.Model):
    """One irregularity at one institution. ``sent_at``: since when the institution sees it."""

    detector = models.CharField(max_length=40)
    subject = models.CharField(max_length=64, help_text="SHA-256: the same whenever it is found again")
    institution = models.CharField(max_length=10)
    day = models.DateField(help_text="the last day of its evidence")
    physician = models.CharField(max_length=10, blank=True)
    person = models.CharField(max_length=10, blank=True)
    measured = models.FloatField()
    bound = models.FloatField()
    severity = models.CharField(max_length=6, help_text="high, medium, low")
    found_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)
    due = models.DateField(null=True, help_text="the last day for the institution's answer")
    marked_by = models.CharField(max_length=40, blank=True, help_text="who took it for a false positive")
    state = models.CharField(max_length=9, choices=State.choices, default=State.NEW)
    announcement = models.ForeignKey(Announcement, null=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["detector", "subject"], name="one_finding_a_subject")]
        indexes = [
            models.Index(fields=["institution", "state"], name="finding_by_institution"),
            models.Index(fields=["detector", "day"], name="finding_by_day"),
        ]


class Evidence(models.Model):
    """One visit or claim that shows a finding; kept when it shows it no more, so that it is not taken for new."""

    finding = models.ForeignKey(Finding, on_delete=models.PROTECT, related_name="evidence")
    subject = models.CharField(max_length=64, help_text="SHA-256 of the record's key or the claim's place")
    visit = VisitLink()
    claim = models.CharField(max_length=40, blank=True, help_text="kind, month, 案件分類 and 流水號")
    institution = models.CharField(max_length=10)
    person = models.CharField(max_length=10)
    physician = models.CharField(max_length=10)
    day = models.DateField(null=True)
    is_current = models.BooleanField(default=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["finding", "subject"], name="one_evidence_a_finding")]


class Step(AppendOnly):
    """One thing that became of a finding. Only added to; the database refuses the rest (migration 0002)."""

    finding = models.ForeignKey(Finding, on_delete=models.PROTECT, related_name="steps")
    at = models.DateTimeField()
    actor = models.CharField(max_length=40, help_text="username, or the job")
    name = models.CharField(max_length=10, help_text="found, more, reopened, cleared, and the steps of acting.WORKFLOW")
    remark = models.TextField(blank=True)


class Run(models.Model):
    """One run over a month, with its settings and counts by detector."""

    month = models.DateField(help_text="its first day")
    at = models.DateTimeField()
    settings = models.JSONField(default=dict)
    counts = models.JSONField(default=dict)
