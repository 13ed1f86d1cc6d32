"""Submissions as they came, the visits in them, and what the check found.

Codes of institutions and persons stand here as text, not as foreign keys: an upload is kept whatever it says.
The two big tables, visits and orders, are partitioned by ``visit_month`` on PostgreSQL (docs/scale-online.md): an index
of theirs that is unique has it among its columns, and who knows the month says it, so that one partition is read.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from django.db import models
from django.db.models import Q

from nhicard.insurer.intake.kinds import Channel

#: The turn of what nobody gave one.
LONG_AGO: Final = datetime(2000, 1, 1)


class State(models.TextChoices):
    """處理狀態"""

    PENDING = "pending", "待檢核"
    CHECKED = "checked", "已檢核"
    SET_ASIDE = "set-aside", "無法處理"


class Submission(models.Model):
    """One upload. The same content by the same sender as the same kind is the same submission, for good."""

    receipt = models.CharField(max_length=42, unique=True, help_text="作業代碼 opcode")
    institution = models.CharField(max_length=10)
    sam = models.CharField(max_length=12, blank=True)
    channel = models.CharField(max_length=3, choices=Channel.choices)
    kind = models.CharField(max_length=2, help_text="sType")
    content_hash = models.BinaryField(max_length=32)
    size = models.PositiveIntegerField()
    sender_address = models.GenericIPAddressField(null=True)
    received_at = models.DateTimeField()
    due_at = models.DateTimeField(default=LONG_AGO, help_text="its turn in the queue (services.turns)")
    state = models.CharField(max_length=9, choices=State.choices, default=State.PENDING)
    tries = models.PositiveSmallIntegerField(default=0)
    claim = models.CharField(max_length=32, blank=True, help_text="the worker's token while it checks")
    claimed_until = models.DateTimeField(null=True)
    trouble = models.CharField(max_length=200, blank=True, help_text="why it was set aside, without personal data")
    checked_at = models.DateTimeField(null=True)
    encoding = models.CharField(max_length=10, blank=True)
    records = models.PositiveIntegerField(null=True)
    orders = models.PositiveIntegerField(null=True)
    accepted = models.PositiveIntegerField(null=True, help_text="records, with warnings included")
    accepted_with_warnings = models.PositiveIntegerField(null=True)
    rejected = models.PositiveIntegerField(null=True)
    accepted_orders = models.PositiveIntegerField(null=True)
    result_until = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["institution", "sam", "kind", "content_hash"], name="same_upload_is_one_submission"
            )
        ]
        indexes = [
            models.Index(fields=["id"], name="submission_queue", condition=Q(state="pending")),
            models.Index(fields=["due_at", "id"], name="submission_turn", condition=Q(state="pending", tries=0)),
            models.Index(
                fields=["institution", "due_at"], name="submission_own_turn", condition=Q(state="pending", tries=0)
            ),
            models.Index(fields=["institution", "received_at"], name="submission_by_institution"),
        ]


class Payload(models.Model):
    """A submission's bytes as they came, compressed (zstd) and sealed (``secrecy``); kept as ``retention`` says."""

    submission = models.OneToOneField(Submission, on_delete=models.CASCADE, primary_key=True)
    content = models.BinaryField()


class SignatureUse(models.Model):
    """What an upload signature was used for: the same content may come again with it, another one may not."""

    digest = models.BinaryField(max_length=32, unique=True)
    submission = models.ForeignKey(Submission, on_delete=models.CASCADE)


class VisitState(models.TextChoices):
    """紀錄狀態"""

    ACCEPTED = "accepted", "收載"
    REJECTED = "rejected", "退件"
    REPLACED = "replaced", "已被取代"
    DELETED = "deleted", "已刪除"
    CARRIED_OUT = "done", "已執行"  # a deletion, cancellation or its undoing: accepted, but no visit of its own


class Visit(models.Model):
    """One REC, whatever became of it. Text fields are as sent; times are parsed, empty where they are no times."""

    submission = models.ForeignKey(Submission, on_delete=models.PROTECT, db_index=False)  # the constraint has an index
    record = models.PositiveIntegerField(help_text="number in the file, from 1")
    edition = models.CharField(max_length=3)
    is_precheck = models.BooleanField()
    channel = models.CharField(max_length=3)
    state = models.CharField(max_length=8, choices=VisitState.choices)
    received_at = models.DateTimeField()
    visit_month = models.DateField(help_text="first day of the visit's month; of the receipt's where it tells no date")
    visit_date = models.DateField(null=True, help_text="就醫日期 (late card: of the actual visit)")
    data_type = models.CharField(max_length=1, help_text="A00, H00")
    upload_kind = models.CharField(max_length=1, help_text="A01, H01")
    institution = models.CharField(max_length=10, help_text="A14, M05")
    patient_id = models.CharField(max_length=10, help_text="A12, M03")
    staff_id = models.CharField(max_length=10, help_text="A15, M06")
    category = models.CharField(max_length=2, help_text="A23, M07")
    visit_time = models.CharField(max_length=13, help_text="A17, M11, as sent")
    sequence = models.CharField(max_length=4, help_text="A18, M13")
    identifier = models.CharField(max_length=20, help_text="M15")
    original_identifier = models.CharField(max_length=20, help_text="M16")
    original_institution = models.CharField(max_length=10, help_text="M17")
    actual_identifier = models.CharField(max_length=20, help_text="M52")
    key = models.CharField(max_length=100, help_text="edition, pre-check or real, and the fields of the record's key")
    fields = models.TextField(help_text="every field of the visit as sent: JSON, empty where it was not stored")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["submission", "record", "visit_month"], name="record_once_a_submission"),
        ]
        # none of them speaks of ``state``: it may change in place (HOT)
        indexes = [
            models.Index(
                fields=["original_identifier"], name="visit_by_original", condition=~Q(original_identifier="")
            ),
            models.Index(
                fields=["actual_identifier"], name="visit_by_actual_identifier", condition=~Q(actual_identifier="")
            ),
            models.Index(fields=["patient_id", "visit_time"], name="visit_by_patient"),
            models.Index(fields=["institution", "visit_date", "category"], name="visit_by_day"),
            models.Index(fields=["identifier"], name="visit_by_identifier", condition=~Q(identifier="")),
        ]


class InForce(models.Model):
    """Where the record in force of each key lies: what is unique over all months, which no partition can see."""

    key = models.CharField(max_length=100, help_text="of the visit")
    # its visit, written in the same transaction, has the constraint
    submission = models.ForeignKey(
        Submission, on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="+"
    )
    record = models.PositiveIntegerField()
    visit_month = models.DateField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["key"], name="one_record_in_force")]


class Trace(models.Model):
    """In which months something that is looked for by its value alone is on record, whatever became of it: so that no
    partition is searched in vain. ``value``: patient and visit time with a blank between them, or an identifier (M15,
    M52). The same row may stand here several times."""

    value = models.CharField(max_length=24)
    visit_month = models.DateField()

    class Meta:
        indexes = [models.Index(fields=["value", "visit_month"], name="trace_by_value")]


class Order(models.Model):
    """One MB2 of an accepted record."""

    submission = models.ForeignKey(Submission, on_delete=models.PROTECT, db_index=False)  # the constraint has an index
    record = models.PositiveIntegerField(help_text="number of its record in the file")
    order = models.PositiveIntegerField(help_text="number in its record, from 1")
    visit_month = models.DateField(help_text="of its record")
    code = models.CharField(max_length=20, help_text="A73, D06")
    fields = models.TextField(help_text="every field as sent: JSON")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["submission", "record", "order", "visit_month"], name="order_once_a_record")
        ]


class Refill(models.Model):
    """One refill (聯次) of a chronic continuous prescription (慢連箋) in force, and what became of it."""

    identifier = models.CharField(max_length=20, help_text="M15 of the issuing record")
    is_precheck = models.BooleanField()
    list_kind = models.CharField(max_length=1, help_text="C general, F controlled (D04)")
    number = models.PositiveSmallIntegerField(help_text="from 1")
    institution = models.CharField(max_length=10, help_text="that issued it")
    patient_id = models.CharField(max_length=10)
    dispensed_by = models.CharField(max_length=10, blank=True, help_text="institution")
    dispensed_identifier = models.CharField(max_length=20, blank=True, help_text="M15 of the dispensing record")
    cancelled = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["identifier", "is_precheck", "list_kind", "number"], name="one_row_a_refill"
            )
        ]


class Finding(models.Model):
    """One finding of the check; ``record`` empty where it is the file's, ``order`` where it is the visit's."""

    submission = models.ForeignKey(Submission, on_delete=models.CASCADE)
    record = models.PositiveIntegerField(null=True)
    order = models.PositiveIntegerField(null=True)
    field = models.CharField(max_length=3)
    code = models.CharField(max_length=4)
    severity = models.CharField(max_length=6)
    value = models.TextField(null=True)
    line = models.PositiveIntegerField(null=True)

    class Meta:
        indexes = [models.Index(fields=["submission", "record"], name="finding_by_record")]


class EditionState(models.Model):
    """Since when an institution may upload format 2.0 for real, and since when it must (no 1.0 any more)."""

    institution = models.CharField(max_length=10, unique=True)
    qualified_at = models.DateTimeField(null=True, help_text="H1: 2.0 for real is admitted from here")
    switched_at = models.DateTimeField(null=True, help_text="approved and switched: 1.0 is refused from here")


class DayCount(models.Model):
    """How many records of a day and category are in force: what the monitoring report adds up."""

    institution = models.CharField(max_length=10)
    visit_date = models.DateField()
    category = models.CharField(max_length=2)
    accepted10 = models.PositiveIntegerField(default=0, help_text="(A)")
    matched_by_vpn = models.PositiveIntegerField(default=0, help_text="(B) of A, pre-check by VPN")
    matched_by_web = models.PositiveIntegerField(default=0, help_text="(B) of A, pre-check by Web API")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["institution", "visit_date", "category"], name="one_count_a_cell")
        ]
