"""Absences as lists and institutions tell them, claims, and the cases with their evidence and history."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from nhicard.insurer.append_only import AppendOnly
from nhicard.insurer.intake.fields import VisitLink
from nhicard.insurer.registry.models import Institution


class AbsenceList(models.Model):
    """One state of the list of exits and entries; the newest holds. Of older ones only this row is kept."""

    loaded_at = models.DateTimeField()
    source = models.CharField(max_length=200, help_text="name of the file")
    digest = models.CharField(max_length=64, help_text="SHA-256 of the file, in hexadecimal")
    as_of = models.DateField(help_text="the list's day: who has no entry in it was still abroad")
    rows = models.PositiveIntegerField()


class ListedAbsence(models.Model):
    """One journey of the newest list. ``entry_on`` is empty while the physician is abroad."""

    of_list = models.ForeignKey(AbsenceList, on_delete=models.CASCADE, related_name="absences")
    physician = models.CharField(max_length=10, help_text="national ID")
    code = models.CharField(max_length=10, blank=True, help_text="代碼 that inpatient claims name, where it is another")
    exit_on = models.DateField()
    entry_on = models.DateField(null=True)


class ReportedAbsence(models.Model):
    """One journey that an institution told of, and who stands in. It speaks for this institution alone."""

    institution = models.ForeignKey(Institution, on_delete=models.PROTECT, related_name="reported_absences")
    physician = models.CharField(max_length=10)
    replacement = models.CharField(max_length=10, help_text="who treats the patients meanwhile")
    exit_on = models.DateField()
    entry_on = models.DateField(null=True)
    remark = models.CharField(max_length=200, blank=True)
    at = models.DateTimeField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    withdrawn_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="absence_ends_after_it_began", condition=Q(entry_on__isnull=True) | Q(entry_on__gte=F("exit_on"))
            ),
            models.CheckConstraint(name="nobody_replaces_himself", condition=~Q(physician=F("replacement"))),
        ]


class ClaimFile(models.Model):
    """One claim file of an institution, kind and month of fees; a later one takes its place, supplements do not."""

    institution = models.CharField(max_length=10)
    kind = models.CharField(max_length=10, help_text="outpatient, inpatient")
    month = models.DateField(help_text="first day of the month of the fees")
    submission = models.CharField(max_length=1, help_text="申報類別 t5: 1 送核, 2 補報")
    loaded_at = models.DateTimeField()
    digest = models.CharField(max_length=64)
    cases = models.PositiveIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["institution", "kind", "month", "submission"], name="one_claim_file_of_a_kind"
            )
        ]


class Claim(models.Model):
    """One case of a claim file, as far as its days and people go; fields that are empty were not sent or are none."""

    of_file = models.ForeignKey(ClaimFile, on_delete=models.CASCADE, related_name="claims")
    category = models.CharField(max_length=2, help_text="案件分類 d1")
    serial = models.CharField(max_length=6, help_text="流水號 d2")
    person = models.CharField(max_length=10)
    physician = models.CharField(max_length=10, help_text="outpatient d30, inpatient d20")
    first_day = models.DateField(null=True)
    last_day = models.DateField(null=True)

    class Meta:
        indexes = [models.Index(fields=["physician", "first_day"], name="claim_by_physician")]


class State(models.TextChoices):
    """案件狀態"""

    OPEN = "open", "待處理"
    OVERDUE = "overdue", "逾期"
    EXPLAINED = "explained", "已說明"
    ACCEPTED = "accepted", "同意結案"
    UPHELD = "upheld", "認定不符"
    CLEARED = "cleared", "已更正"


#: Cases in which the institution has something to do.
TO_DO = (State.OPEN, State.OVERDUE)
#: Cases that a run still looks at.
UNSETTLED = (*TO_DO, State.EXPLAINED)


class Case(models.Model):
    """What names one absent physician at one institution during one absence. ``due``: the last day that still counts.

    The days are those that were known when it was last looked at.
    """

    institution = models.CharField(max_length=10)
    physician = models.CharField(max_length=10)
    exit_on = models.DateField()
    entry_on = models.DateField(null=True)
    is_reported = models.BooleanField(default=False, help_text="by the institution itself, and in no list")
    replacement = models.CharField(max_length=10, blank=True)
    found_at = models.DateTimeField()
    due = models.DateField()
    state = models.CharField(max_length=9, choices=State.choices, default=State.OPEN)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["institution", "physician", "exit_on"], name="one_case_an_absence")
        ]
        indexes = [
            models.Index(fields=["institution", "state"], name="absence_by_institution"),
            models.Index(fields=["state", "due"], name="absence_by_due"),
        ]


class Evidence(models.Model):
    """One visit or claim that names the absent physician. ``gone_at``: since when it does so no more."""

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="evidence")
    subject = models.CharField(max_length=64, help_text="SHA-256 of the record's key or the claim's place")
    visit = VisitLink()
    claim = models.CharField(max_length=40, blank=True, help_text="kind, month, 案件分類 and 流水號")
    person = models.CharField(max_length=10)
    first_day = models.DateField()
    last_day = models.DateField()
    is_travel_day = models.BooleanField()
    found_at = models.DateTimeField()
    gone_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["case", "subject"], name="one_evidence_a_record")]


class Step(AppendOnly):
    """One thing that became of a case. Only added to; the database refuses the rest (migration 0002)."""

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="steps")
    at = models.DateTimeField()
    actor = models.CharField(max_length=40, help_text="username, or the job")
    name = models.CharField(
        max_length=10, help_text="found, more, explained, returned, accepted, upheld, cleared, overdue, reopened"
    )
    remark = models.TextField(blank=True)


class Run(models.Model):
    """One run of the job, with its counts."""

    as_of = models.DateField()
    at = models.DateTimeField()
    counts = models.JSONField(default=dict)
