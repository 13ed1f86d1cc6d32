"""Programs that may use the API, and the documents they sent; documents are only added (triggers: migration 0002)."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import models
from oauth2_provider.models import AbstractApplication

from nhicard.insurer.accounts.models import User
from nhicard.insurer.append_only import AppendOnly
from nhicard.insurer.registry.models import Institution


class Client(AbstractApplication):  # type: ignore[misc]
    """A program of one institution: OAuth's client. Its secret, where it has one, is stored hashed."""

    institution = models.ForeignKey(Institution, on_delete=models.PROTECT, related_name="+")
    made_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)

    def is_usable(self, request: Any) -> bool:
        """Whether it may still ask; the OAuth library calls this."""
        return self.revoked_at is None

    @property
    def is_for_people(self) -> bool:
        """Whether users of the portal authorise it, each for themselves."""
        return bool(self.authorization_grant_type == self.GRANT_AUTHORIZATION_CODE)


class Sent(AppendOnly):
    """What a program sent. ``actor``: the user for whom it did, else its client number."""

    institution = models.ForeignKey(Institution, on_delete=models.PROTECT, related_name="+")
    client = models.ForeignKey(Client, on_delete=models.PROTECT, related_name="+")
    actor = models.CharField(max_length=40)
    recorded_at = models.DateTimeField()

    class Meta:
        abstract = True


class EPrescription(Sent):
    """電子處方箋: the document as it came, and what the services need of it."""

    key = models.UUIDField(unique=True, default=uuid.uuid4, help_text="the Bundle's id in the API")
    digest = models.CharField(max_length=64, help_text="SHA-256 of the document's content")
    code_digest = models.CharField(max_length=64, unique=True, help_text="SHA-256 of the access code (存取授權碼)")
    number = models.CharField(max_length=64, help_text="處方箋單號, the institution's own")
    kind = models.CharField(max_length=1, help_text="處方種類, nhicard.prescriptions.tables.kinds")
    visit_identifier = models.CharField(max_length=20, blank=True, help_text="M15; empty where self-paid")
    patient_id = models.CharField(max_length=20)
    dispensings = models.PositiveSmallIntegerField(help_text="可調劑次數")
    days = models.PositiveSmallIntegerField(help_text="of supply a dispensing")
    prescribed_on = models.DateField(help_text="門診日期")
    valid_from = models.DateField()
    valid_until = models.DateField(help_text="the last day")
    content = models.TextField(help_text="the Bundle, JSON as sent")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["institution", "digest"], name="one_eprescription_a_content"),
            models.UniqueConstraint(fields=["institution", "number"], name="one_eprescription_a_number"),
        ]


class Dispensing(Sent):
    """調劑單張: one dispensing of a prescription, a refill (聯次) where it has several."""

    prescription = models.ForeignKey(EPrescription, on_delete=models.PROTECT, related_name="dispensed")
    key = models.UUIDField(unique=True, default=uuid.uuid4, help_text="the Bundle's id in the API")
    digest = models.CharField(max_length=64, help_text="SHA-256 of the document's content")
    number = models.PositiveSmallIntegerField(help_text="連續處方調劑序號, from 1")
    visit_identifier = models.CharField(max_length=20, blank=True, help_text="M15 of the dispensing")
    content = models.TextField(help_text="the Bundle, JSON as sent")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["prescription", "number"], name="one_dispensing_a_refill")]
        indexes = [models.Index(fields=["institution", "recorded_at"], name="dispensing_by_institution")]


class Cancellation(Sent):
    """註銷: what was not dispensed by then never is."""

    prescription = models.OneToOneField(EPrescription, on_delete=models.PROTECT, related_name="cancellation")
