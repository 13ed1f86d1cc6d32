"""The audit log as a table. Triggers of the database refuse to change or delete a row (migration 0002)."""

from __future__ import annotations

from django.db import models


class Entry(models.Model):
    """One thing that somebody saw or did. ``seal``: SHA-256 over the entry and the seal of the one before."""

    number = models.PositiveBigIntegerField(unique=True, help_text="from 1 without a gap")
    at = models.DateTimeField()
    actor = models.CharField(max_length=40, help_text="username, or the name of a job")
    role = models.CharField(max_length=14, blank=True)
    action = models.CharField(max_length=40, help_text="e.g. record.seen, case.agreed")
    subject = models.CharField(max_length=80, help_text="what it was about: kind and number, never a person's ID")
    institution = models.CharField(max_length=10, blank=True)
    facts = models.JSONField(default=dict)
    seal = models.CharField(max_length=64)

    class Meta:
        indexes = [
            models.Index(fields=["institution", "-number"], name="audit_by_institution"),
            models.Index(fields=["actor", "-number"], name="audit_by_actor"),
            models.Index(fields=["action", "-number"], name="audit_by_action"),
            models.Index(fields=["at"], name="audit_by_time"),
        ]


class Head(models.Model):
    """The last entry's number and seal: the row that writers lock, so that the chain has one end."""

    number = models.PositiveBigIntegerField()
    seal = models.CharField(max_length=64)


class Verification(models.Model):
    """One walk along the chain: how far it was whole, and the seal there; ``broken``: where it was not, if anywhere."""

    at = models.DateTimeField()
    number = models.PositiveBigIntegerField()
    seal = models.CharField(max_length=64)
    broken = models.PositiveBigIntegerField(null=True)
