"""Enrolments, evidence and settlements: rows are only added (triggers: migration 0002)."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from nhicard.insurer.accounts.models import User
from nhicard.insurer.append_only import AppendOnly
from nhicard.insurer.registry.models import Institution


class Enrolment(AppendOnly):
    """An institution's application to take part with a type of line, from a month on."""

    institution = models.ForeignKey(Institution, on_delete=models.PROTECT, related_name="enrolments")
    number = models.PositiveSmallIntegerField(help_text="from 1 within the institution")
    line_type = models.CharField(max_length=20, help_text="data/line_types.csv")
    wanted_from = models.DateField(help_text="first day of the month")
    contact_name = models.CharField(max_length=40)
    contact_phone = models.CharField(max_length=20)
    applied_at = models.DateTimeField()
    applied_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["institution", "number"], name="one_enrolment_a_number")]


class Decision(AppendOnly):
    """What the division said; a refusal has a reason, an agreement the month from which it holds."""

    enrolment = models.OneToOneField(Enrolment, on_delete=models.PROTECT, related_name="decision")
    is_agreed = models.BooleanField()
    effective_from = models.DateField(null=True, help_text="first day of the month")
    reason = models.CharField(max_length=500, blank=True)
    decided_at = models.DateTimeField()
    decided_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="agreed_from_or_refused_because",
                condition=Q(is_agreed=True, effective_from__isnull=False)
                | (Q(is_agreed=False, effective_from__isnull=True) & ~Q(reason="")),
            )
        ]


class Leaving(AppendOnly):
    """An enrolment ends with a month."""

    enrolment = models.OneToOneField(Enrolment, on_delete=models.PROTECT, related_name="leaving")
    last_month = models.DateField(help_text="first day of the last month that counts")
    at = models.DateTimeField()
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")


class Evidence(AppendOnly):
    """The bill of a month with its file; the last one before the settlement counts. ``bill``: NT$."""

    institution = models.ForeignKey(Institution, on_delete=models.PROTECT, related_name="line_bills")
    fee_month = models.DateField(help_text="its first day")
    number = models.PositiveSmallIntegerField(help_text="from 1 within institution and month")
    bill = models.PositiveIntegerField()
    mbps = models.PositiveIntegerField(help_text="speed of the line on the bill")
    name = models.CharField(max_length=100)
    media_type = models.CharField(max_length=20)
    size = models.PositiveIntegerField()
    sha256 = models.CharField(max_length=64)
    content = models.BinaryField()
    sent_at = models.DateTimeField()
    sent_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["institution", "fee_month", "number"], name="one_evidence_a_number")
        ]


class Settlement(AppendOnly):
    """What a division pays for a fee month, beyond what it settled for it before."""

    division = models.PositiveSmallIntegerField(help_text="分區業務組 1 to 6")
    fee_month = models.DateField(help_text="its first day")
    number = models.PositiveSmallIntegerField(help_text="from 1 within division and month")
    season = models.PositiveSmallIntegerField(help_text="撥付季別")
    paid_on = models.DateField()
    made_at = models.DateTimeField()
    made_by = models.CharField(max_length=40)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["division", "fee_month", "number"], name="one_line_fee_settlement_a_number")
        ]


class Line(AppendOnly):
    """An institution's month, settled once. NT$; ``outcome``: full, capped or slow."""

    settlement = models.ForeignKey(Settlement, on_delete=models.PROTECT, related_name="lines")
    institution = models.ForeignKey(Institution, on_delete=models.PROTECT, related_name="+")
    fee_month = models.DateField(help_text="the settlement's, so that the month is settled once")
    evidence = models.OneToOneField(Evidence, on_delete=models.PROTECT, related_name="line")
    line_type = models.CharField(max_length=20)
    minimum_mbps = models.PositiveIntegerField()
    cap = models.PositiveIntegerField()
    amount = models.PositiveIntegerField()
    outcome = models.CharField(max_length=6)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["institution", "fee_month"], name="one_line_fee_a_month")]
