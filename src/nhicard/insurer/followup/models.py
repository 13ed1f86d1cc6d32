"""Births as the household registry gives them, cases with their history, and the runs that found them."""

from __future__ import annotations

from django.db import models

from nhicard.insurer.append_only import AppendOnly
from nhicard.insurer.intake.fields import VisitLink


class BirthList(models.Model):
    """One state of the registry's list of births; the newest holds. It knows the births from ``since`` to ``as_of``."""

    loaded_at = models.DateTimeField()
    source = models.CharField(max_length=200, help_text="name of the file")
    digest = models.CharField(max_length=64, help_text="SHA-256 of the file, in hexadecimal")
    since = models.DateField()
    as_of = models.DateField(help_text="the registry's day: births registered later are not in it")
    rows = models.PositiveIntegerField()


class Birth(models.Model):
    """One child. IDs as in the registry; the child's own is empty until it is given one."""

    of_list = models.ForeignKey(BirthList, on_delete=models.CASCADE, related_name="births")
    child_id = models.CharField(max_length=10, blank=True)
    mother_id = models.CharField(max_length=10)
    father_id = models.CharField(max_length=10, blank=True)
    born = models.DateField()
    sex = models.CharField(max_length=1, help_text="M, F")


class Kind(models.TextChoices):
    """追蹤項目; the values are topics of reminders too"""

    NEWBORN = "newborn", "新生兒註記"
    HLA_B = "hla_b", "12196B 結果"


class State(models.TextChoices):
    """案件狀態"""

    OPEN = "open", "待處理"
    OVERDUE = "overdue", "逾期"
    EXPLAINED = "explained", "已說明"
    ACCEPTED = "accepted", "同意結案"
    CORRECTED = "corrected", "已更正"


#: Who the job is in histories and in the audit log.
JOB = "followup run"
#: Cases that a run still looks at.
UNSETTLED = (State.OPEN, State.OVERDUE, State.EXPLAINED)
#: Cases in which the institution has something to do.
TO_DO = (State.OPEN, State.OVERDUE)


class Case(models.Model):
    """One visit that something is to be seen to. ``due``: the last day that still counts."""

    kind = models.CharField(max_length=7, choices=Kind.choices)
    subject = models.CharField(max_length=64, help_text="SHA-256 of the record's key: the same after a correction")
    institution = models.CharField(max_length=10)
    visit = VisitLink()
    visit_date = models.DateField()
    findings = models.JSONField(default=list, help_text="names of texts followup.finding.<name>")
    found_at = models.DateTimeField()
    due = models.DateField()
    state = models.CharField(max_length=9, choices=State.choices, default=State.OPEN)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["kind", "subject"], name="one_case_a_record")]
        indexes = [
            models.Index(fields=["institution", "state"], name="followup_by_institution"),
            models.Index(fields=["state", "due"], name="followup_by_due"),
        ]


class Step(AppendOnly):
    """One thing that became of a case. Only added to; the database refuses the rest (migration 0002)."""

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="steps")
    at = models.DateTimeField()
    actor = models.CharField(max_length=40, help_text="username, or the job")
    name = models.CharField(
        max_length=10, help_text="found, explained, returned, accepted, corrected, overdue, reopened"
    )
    remark = models.TextField(blank=True)


class Run(models.Model):
    """One run of the job, with its counts."""

    as_of = models.DateField()
    at = models.DateTimeField()
    counts = models.JSONField(default=dict)
