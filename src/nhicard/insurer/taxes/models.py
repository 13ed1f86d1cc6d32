"""Payments and owners as loaded, documents as produced. Triggers refuse changes (migration 0002)."""

from __future__ import annotations

from django.db import models

from nhicard.insurer.append_only import AppendOnly
from nhicard.insurer.registry.models import Institution


class Load(AppendOnly):
    """A file that brought something new. Its rows are those with ``load``."""

    file = models.CharField(max_length=8, help_text="payments or owners: data/columns.csv")
    name = models.CharField(max_length=200, help_text="of the file")
    sha256 = models.CharField(max_length=64)
    loaded_at = models.DateTimeField()
    loaded_by = models.CharField(max_length=40)


class Payment(AppendOnly):
    """What one payment settles of a fee month; the newest version counts. Points, and NT$ from ``paid`` on."""

    load = models.ForeignKey(Load, on_delete=models.PROTECT, related_name="payments")
    institution = models.ForeignKey(Institution, on_delete=models.PROTECT, related_name="+")
    fee_month = models.DateField(help_text="its first day")
    kind = models.CharField(max_length=2, help_text="data/kinds.csv")
    number = models.PositiveSmallIntegerField(help_text="撥付序號 within fee month and kind")
    version = models.PositiveSmallIntegerField(help_text="from 1")
    cases = models.IntegerField()
    consultation = models.BigIntegerField()
    drugs = models.BigIntegerField()
    dispensing = models.BigIntegerField()
    treatment = models.BigIntegerField()
    total = models.BigIntegerField()
    copayment = models.BigIntegerField()
    claimed = models.BigIntegerField()
    paid = models.BigIntegerField()
    withheld = models.BigIntegerField()
    paid_on = models.DateField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["institution", "fee_month", "kind", "number", "version"], name="one_payment_a_version"
            )
        ]
        indexes = [models.Index(fields=["paid_on"], name="payment_by_day")]


class Owner(AppendOnly):
    """The person responsible for an institution from a day to a day; the newest version counts."""

    load = models.ForeignKey(Load, on_delete=models.PROTECT, related_name="owners")
    institution = models.ForeignKey(Institution, on_delete=models.PROTECT, related_name="+")
    id_no = models.CharField(max_length=10)
    name = models.CharField(max_length=40)
    birthday = models.DateField()
    postal_code = models.CharField(max_length=6)
    address = models.CharField(max_length=120)
    valid_from = models.DateField()
    valid_until = models.DateField(null=True)
    version = models.PositiveSmallIntegerField(help_text="from 1")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["institution", "valid_from", "version"], name="one_owner_a_version")
        ]


class Production(AppendOnly):
    """A run that produced documents of a year, from what was loaded by the end of a day."""

    year = models.PositiveSmallIntegerField(help_text="ROC year")
    as_of = models.DateField()
    made_at = models.DateTimeField()
    made_by = models.CharField(max_length=40)


class Document(AppendOnly):
    """One document of an owner; the newest version counts. ``figures``: rows and their total by measure."""

    production = models.ForeignKey(Production, on_delete=models.PROTECT, related_name="documents")
    institution = models.ForeignKey(Institution, on_delete=models.PROTECT, related_name="+")
    institution_name = models.CharField(max_length=100)
    owner_id_no = models.CharField(max_length=10)
    owner_name = models.CharField(max_length=40)
    year = models.PositiveSmallIntegerField(help_text="ROC year")
    kind = models.CharField(max_length=12, help_text="data/documents.csv")
    version = models.PositiveSmallIntegerField(help_text="from 1")
    figures = models.JSONField()
    digest = models.CharField(max_length=64, help_text="SHA-256 over names and figures")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["institution", "owner_id_no", "year", "kind", "version"], name="one_document_a_version"
            )
        ]
        indexes = [models.Index(fields=["year", "institution"], name="document_by_year")]


class Fetch(AppendOnly):
    """A document was downloaded by its owner."""

    document = models.ForeignKey(Document, on_delete=models.PROTECT, related_name="fetches")
    form = models.CharField(max_length=3, help_text="pdf or csv")
    at = models.DateTimeField()
