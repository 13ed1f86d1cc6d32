"""What the data centre remembers of taps, and of the one-use things that must not be used twice."""

from __future__ import annotations

from django.db import models

from nhicard.insurer.registry.models import HealthCard, Institution, InsuredPerson, SecurityModule


class SequenceCounter(models.Model):
    """The last sequence number that a person was given in a year, cards and virtual cards apart."""

    person = models.ForeignKey(InsuredPerson, on_delete=models.CASCADE)
    year = models.PositiveSmallIntegerField()
    is_virtual = models.BooleanField()
    last = models.PositiveSmallIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["person", "year", "is_virtual"], name="one_counter_a_year")]


class Treatment(models.Model):
    """One visit as the data centre knows it: a tap, or an identifier given without a card."""

    patient_id = models.CharField(max_length=10)
    card = models.ForeignKey(HealthCard, null=True, on_delete=models.PROTECT, related_name="treatments")
    institution = models.ForeignKey(Institution, on_delete=models.PROTECT)
    sam = models.ForeignKey(SecurityModule, on_delete=models.PROTECT)
    time = models.DateTimeField(help_text="過卡日期時分秒")
    item = models.CharField(max_length=2, blank=True, help_text="就醫類別")
    after_check = models.CharField(max_length=1, blank=True, help_text="1 正常 2 補卡")
    newborn_mark = models.CharField(max_length=1, blank=True)
    counts = models.BooleanField(default=False)
    sequence_number = models.CharField(max_length=4, blank=True)
    identifier = models.CharField(max_length=20, blank=True)
    signature = models.CharField(max_length=256, blank=True)
    main_code = models.CharField(max_length=9, blank=True)
    sub_codes = models.JSONField(default=list)
    fees = models.JSONField(default=dict)
    coded_at = models.DateTimeField(null=True)
    rolled_back_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["patient_id", "time"], name="one_tap_a_second"),
            models.UniqueConstraint(
                fields=["identifier"], name="identifier_given_once", condition=~models.Q(identifier="")
            ),
        ]
        indexes = [models.Index(fields=["institution", "time"])]


class Prescription(models.Model):
    """One order written to a visit, with its signature."""

    treatment = models.ForeignKey(Treatment, on_delete=models.CASCADE, related_name="prescriptions")
    item = models.CharField(max_length=1, help_text="1 短期藥 2 長期藥 3 診療 4 特材")
    code = models.CharField(max_length=12)
    site = models.CharField(max_length=6, blank=True)
    usage = models.CharField(max_length=18, blank=True)
    days = models.CharField(max_length=2, blank=True)
    total = models.CharField(max_length=7, blank=True)
    delivery = models.CharField(max_length=2, blank=True)
    signature = models.CharField(max_length=40)
    written_at = models.DateTimeField()


class UsedOnce(models.Model):
    """Digests of signatures and tokens that were accepted: none is accepted again."""

    digest = models.BinaryField(max_length=32, unique=True)
    used_at = models.DateTimeField(db_index=True)


class VirtualCardSession(models.Model):
    """A virtual card that counts as inserted in a reader, from its QR code's verification to logout."""

    card = models.ForeignKey(HealthCard, on_delete=models.CASCADE)
    sam = models.ForeignKey(SecurityModule, on_delete=models.CASCADE)
    secret = models.BinaryField(max_length=32)
    began_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)


class VirtualCardTransfer(models.Model):
    """A virtual card on its way to another reader of the same institution."""

    token = models.CharField(max_length=43, unique=True)
    session = models.ForeignKey(VirtualCardSession, on_delete=models.CASCADE)
    offered_at = models.DateTimeField()
    taken_at = models.DateTimeField(null=True)


class TelemedicineRequest(models.Model):
    """An institution's wish to see a patient by video, and what the patient answered in the app."""

    access_token = models.CharField(max_length=43, unique=True)
    patient_id = models.CharField(max_length=10, db_index=True)
    institution = models.ForeignKey(Institution, on_delete=models.CASCADE)
    asked_at = models.DateTimeField()
    agreed = models.BooleanField(null=True)
    virtual_card_token = models.TextField(blank=True)


class CloudSamApplication(models.Model):
    """An institution's application for a cloud SAM, from the wish to the one download."""

    class State(models.TextChoices):
        """申請狀態"""

        APPLIED = "applied", "審核中"
        APPROVED = "approved", "可下載"
        DOWNLOADED = "downloaded", "已下載"
        REFUSED = "refused", "未核准"

    institution = models.ForeignKey(Institution, on_delete=models.CASCADE, related_name="cloud_sam_applications")
    applicant_card = models.CharField(max_length=12)
    state = models.CharField(max_length=10, choices=State.choices, default=State.APPLIED)
    applied_at = models.DateTimeField()
    sam = models.OneToOneField(SecurityModule, null=True, on_delete=models.SET_NULL)
