"""Claim files as they came, what the check found, and the month that each speaks of.

A month (``ClaimMonth``) is what its newest step says; steps are only added (triggers: migration 0002).
"""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from nhicard.insurer.accounts.models import User
from nhicard.insurer.append_only import AppendOnly
from nhicard.insurer.registry.models import Institution


class Format(models.TextChoices):
    """申報格式"""

    OUTPATIENT = "outpatient", "門診"
    INPATIENT = "inpatient", "住院"
    PHARMACY = "pharmacy", "交付機構"


class State(models.TextChoices):
    """處理狀態"""

    RECEIVED = "received", "待檢核"
    CHECKING = "checking", "檢核中"
    REJECTED = "rejected", "退件"
    ACCEPTED = "accepted", "已收載"
    COMPLETED = "completed", "已完成新格式"
    SET_ASIDE = "set-aside", "無法處理"


#: The worker has it still before it.
WAITING = (State.RECEIVED, State.CHECKING)
#: At least one case was accepted: the file is in force until a later one is.
IN_FORCE = (State.ACCEPTED, State.COMPLETED)


class ClaimMonth(models.Model):
    """Institution, format, month of the fees and part of it; ``state`` is that of the newest file.

    ``part``: claim type (1 送核, 2 補報) and period (1 first half, 2 second half, 3 whole month).
    """

    institution = models.ForeignKey(Institution, on_delete=models.PROTECT, related_name="claim_months")
    format = models.CharField(max_length=10, choices=Format.choices)
    month = models.DateField(help_text="費用年月: its first day")
    part = models.CharField(max_length=2, default="13")
    state = models.CharField(max_length=9, choices=State.choices, default=State.RECEIVED)
    items = models.JSONField(default=list, help_text="incentive items that the file in force completes: A B C F")
    updated_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["institution", "format", "month", "part"], name="one_row_a_claim_month")
        ]
        indexes = [models.Index(fields=["format", "month", "state"], name="claim_month_by_state")]


class ClaimFile(models.Model):
    """One file; the same XML by the same institution is the same file, whether it came plain or as a ZIP.

    ``turn`` is its place among the files of its month; one that is sent anew to be checked again goes to the end.
    """

    month = models.ForeignKey(ClaimMonth, on_delete=models.PROTECT, related_name="files")
    institution = models.ForeignKey(Institution, on_delete=models.PROTECT, related_name="+")
    digest = models.CharField(max_length=64, help_text="SHA-256 of the XML")
    size = models.PositiveIntegerField()
    turn = models.PositiveIntegerField()
    received_at = models.DateTimeField(help_text="when it came last")
    sent_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    state = models.CharField(max_length=9, choices=State.choices, default=State.RECEIVED)
    tries = models.PositiveSmallIntegerField(default=0)
    claim = models.CharField(max_length=32, blank=True, help_text="the worker's token while it checks")
    claimed_until = models.DateTimeField(null=True)
    trouble = models.CharField(max_length=200, blank=True, help_text="why it was set aside, without personal data")
    checked_at = models.DateTimeField(null=True)
    cases = models.PositiveIntegerField(null=True)
    orders = models.PositiveIntegerField(null=True)
    accepted = models.PositiveIntegerField(null=True, help_text="cases, with remarks included")
    warned = models.PositiveIntegerField(null=True, help_text="accepted cases with remarks")
    rejected = models.PositiveIntegerField(null=True)
    compared = models.PositiveIntegerField(null=True, help_text="uploaded visits that it was compared with")
    revised = models.JSONField(default=dict, help_text="by item: cases asked, cases in the revised format")
    rules_off = models.JSONField(default=list)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["institution", "digest"], name="same_claim_is_one_file")]
        indexes = [
            models.Index(fields=["tries", "id"], name="claim_queue", condition=Q(state__in=["received", "checking"])),
            models.Index(fields=["month", "-turn"], name="claim_file_by_turn"),
        ]


class Content(models.Model):
    """A file's XML as it came, compressed (zstd); kept for good, so that any check can be repeated."""

    file = models.OneToOneField(ClaimFile, on_delete=models.CASCADE, primary_key=True)
    content = models.BinaryField()


class Meaning(models.Model):
    """One sentence of a check in both languages: what is wrong and what to do, and how many findings say it."""

    file = models.ForeignKey(ClaimFile, on_delete=models.CASCADE, related_name="meanings")
    number = models.PositiveIntegerField(help_text="from 0 within the file")
    code = models.CharField(max_length=7)
    element = models.CharField(max_length=30)
    severity = models.CharField(max_length=6)
    text_zh = models.TextField()
    text_en = models.TextField()
    cases = models.PositiveIntegerField(help_text="cases of which it was said; 0 where it is the file's")
    findings = models.PositiveIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["file", "number"], name="meaning_once_a_file")]


class ClaimFinding(models.Model):
    """One finding; ``case`` empty where it is the file's, ``order`` where it is the case's."""

    file = models.ForeignKey(ClaimFile, on_delete=models.CASCADE)
    meaning = models.PositiveIntegerField(help_text="number of the sentence")
    case = models.PositiveIntegerField(null=True)
    order = models.PositiveIntegerField(null=True)
    value = models.TextField(null=True)
    line = models.PositiveIntegerField(null=True)
    key = models.CharField(max_length=80, blank=True, help_text="category, serial number, day and masked ID")

    class Meta:
        indexes = [models.Index(fields=["file", "id"], name="claim_finding_by_file")]


class Step(AppendOnly):
    """What became of a month, when, and on which evidence; rows are only added.

    ``evidence``: counts of the check and of each item, ``trouble``, or ``again`` for a file that came anew.
    """

    month = models.ForeignKey(ClaimMonth, on_delete=models.PROTECT, related_name="steps")
    number = models.PositiveIntegerField(help_text="from 1 within the month")
    file = models.ForeignKey(ClaimFile, on_delete=models.PROTECT, related_name="steps")
    turn = models.PositiveIntegerField(help_text="of the file at that time")
    state = models.CharField(max_length=9, choices=State.choices)
    at = models.DateTimeField()
    received_at = models.DateTimeField(help_text="when the file of this turn came")
    items = models.JSONField(default=list, help_text="incentive items that the file completes: A B C F")
    evidence = models.JSONField(default=dict)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["month", "number"], name="claim_step_once")]
        indexes = [models.Index(fields=["state", "at"], name="claim_step_by_state")]
