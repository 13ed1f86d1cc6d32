"""The registers as tables. Dates are civil dates in Taiwan; an end date is the last day that still counts."""

from __future__ import annotations

from datetime import date, datetime
from typing import ClassVar

from django.db import models
from django.db.models import Q

# Lists may leave out since when a fact holds; a table's row then holds since this day.
SINCE_EVER = date.min


class Kind(models.TextChoices):
    """Kinds of institution (醫事機構種類) as far as the services treat them differently."""

    HOSPITAL = "hospital", "醫院"
    CLINIC = "clinic", "診所"
    PHARMACY = "pharmacy", "藥局"
    OTHER_MEDICAL = "other", "其他醫事機構"
    NOT_MEDICAL = "not-medical", "非醫療院所"


class Validity(models.Model):
    """A fact that holds from a day to a day; open-ended where ``valid_until`` is empty."""

    valid_from = models.DateField()
    valid_until = models.DateField(null=True, blank=True)

    class Meta:
        abstract = True

    @staticmethod
    def on(day: date) -> Q:
        """Rows that hold on the day."""
        return Q(valid_from__lte=day) & (Q(valid_until__isnull=True) | Q(valid_until__gte=day))


class Institution(models.Model):
    """醫事機構, by its ten-character code. Rows are never deleted: an identifier may name any that ever was."""

    code = models.CharField(max_length=10, unique=True)
    name = models.CharField(max_length=100)
    short_name = models.CharField(max_length=40)
    kind = models.CharField(max_length=12, choices=Kind.choices)
    category = models.CharField(max_length=1, blank=True, help_text="特約類別, data/contract_categories.csv")
    division = models.PositiveSmallIntegerField(null=True, help_text="分區業務組 1 to 6")
    county = models.CharField(max_length=10, blank=True, help_text="縣市別代碼 as the lists have it")
    takes_virtual_cards = models.BooleanField(default=True)
    representative = models.ForeignKey("StaffMember", null=True, blank=True, on_delete=models.SET_NULL)

    def __str__(self) -> str:
        return self.code

    def is_contracted(self, day: date) -> bool:
        """Whether a contract covers the day."""
        return self.contracts.filter(Validity.on(day)).exists()

    def is_suspended(self, day: date) -> bool:
        """Whether its contract is suspended (停約) on the day."""
        return self.suspensions.filter(Validity.on(day)).exists()


class Contract(Validity):
    """合約起迄."""

    institution = models.ForeignKey(Institution, on_delete=models.CASCADE, related_name="contracts")


class Suspension(Validity):
    """停約期間."""

    institution = models.ForeignKey(Institution, on_delete=models.CASCADE, related_name="suspensions")


class UploadAddress(models.Model):
    """登錄之上傳位址: an IP address or a network (``203.0.113.0/24``) from which the institution uploads."""

    institution = models.ForeignKey(Institution, on_delete=models.CASCADE, related_name="upload_addresses")
    network = models.CharField(max_length=43)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["institution", "network"], name="upload_address_once")]


class Certified(models.Model):
    """A card with a certificate of the insurer's root."""

    number = models.CharField(max_length=12, unique=True)
    certificate = models.TextField(help_text="X.509, PEM")
    is_test = models.BooleanField(default=False)
    issued_on = models.DateField()
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        abstract = True

    def is_revoked(self, now: datetime) -> bool:
        """Whether the card is cancelled (註銷) at the moment."""
        return self.revoked_at is not None and self.revoked_at <= now


class SecurityModule(Certified):
    """安全模組 (SAM), physical or in the cloud; ``machine``: fingerprint of the one that installed a cloud SAM."""

    institution = models.ForeignKey(Institution, on_delete=models.CASCADE, related_name="security_modules")
    is_cloud = models.BooleanField(default=False)
    machine = models.CharField(max_length=64, blank=True)


class Profession(models.TextChoices):
    """醫事人員類別 as far as the services treat them differently."""

    PHYSICIAN = "physician", "醫師"
    PHARMACIST = "pharmacist", "藥師"
    NURSE = "nurse", "護理師"
    OTHER = "other", "其他"
    UNKNOWN = "unknown", "未載明"


class StaffMember(models.Model):
    """醫事人員, by national ID."""

    id_no = models.CharField(max_length=10, unique=True)
    name = models.CharField(max_length=20, blank=True, help_text="blank where only a list names the person")
    profession = models.CharField(max_length=12, choices=Profession.choices, default=Profession.UNKNOWN)


class Employment(Validity):
    """醫事人員報備之執業期間; the institution's code as the list has it, blank where it says none."""

    staff = models.ForeignKey(StaffMember, on_delete=models.CASCADE, related_name="employments")
    institution_code = models.CharField(max_length=10, blank=True)


class StaffCard(Certified):
    """醫事人員卡 (HPC)."""

    staff = models.ForeignKey(StaffMember, on_delete=models.CASCADE, related_name="cards")


class InsuranceStatus(models.IntegerChoices):
    """投保狀態: covered, or the status code with which the data centre refuses a tap."""

    COVERED = 0, "在保"
    NOT_INSURED = 3228, "不在保"
    SUSPENDED = 3229, "已停保"
    WITHDRAWN = 3230, "已退保"
    SUSPENDED_OR_WITHDRAWN = 3231, "已停保或已退保（查保）"
    UNDER_INQUIRY = 3232, "在查保名單中（查保）"
    ARREARS = 3233, "個人及單位均欠費"
    FALSE_STATEMENT = 3234, "聲明不實"
    OTHER_REASON = 3235, "其他原因"


class InsuredPerson(models.Model):
    """保險對象, by national ID or resident number."""

    SEXES: ClassVar = [("M", "男"), ("F", "女")]

    id_no = models.CharField(max_length=10, unique=True)
    name = models.CharField(max_length=20, blank=True, help_text="blank where only a list names the person")
    sex = models.CharField(max_length=1, choices=SEXES)
    birthday = models.DateField()
    telephone = models.CharField(max_length=14, blank=True)
    insurer_code = models.CharField(max_length=2, default="1")
    identity_status = models.CharField(max_length=1, default="3", help_text="1 低收 2 榮民 3 一般 4 中低收 8 災民")
    insurance_status = models.IntegerField(choices=InsuranceStatus.choices, default=InsuranceStatus.COVERED)
    restricted_to = models.ForeignKey(
        Institution, null=True, blank=True, on_delete=models.SET_NULL, help_text="限制就醫：只能在此院所就醫"
    )
    newborn_birthday = models.DateField(null=True, blank=True)
    newborn_count = models.PositiveSmallIntegerField(default=0)


class Coverage(Validity):
    """投保期間, a row a card as in the list of insured persons; ``card`` blank where the list says none."""

    person = models.ForeignKey(InsuredPerson, on_delete=models.CASCADE, related_name="coverages")
    card = models.CharField(max_length=12, blank=True)


class CriticalIllness(Validity):
    """重大傷病證明."""

    person = models.ForeignKey(InsuredPerson, on_delete=models.CASCADE, related_name="critical_illnesses")
    code = models.CharField(max_length=9)


class HealthCard(Certified):
    """健保卡, physical or virtual. ``uses_left`` and ``valid_until`` are renewed by updating the card's content."""

    person = models.ForeignKey(InsuredPerson, on_delete=models.CASCADE, related_name="cards")
    is_virtual = models.BooleanField(default=False)
    guardian = models.ForeignKey(
        InsuredPerson,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="carried_cards",
        help_text="虛擬卡由此人之手機代為攜帶",
    )
    uses_left = models.PositiveSmallIntegerField(default=6)
    valid_until = models.DateField()


class ListVersion(models.Model):
    """One state of one list of the catalogue, as it was loaded; never changed and never deleted.

    ``content`` holds the canonical frame (``versions.canonical``) as Parquet, ``digest`` its SHA-256 in hexadecimal.
    """

    name = models.CharField(max_length=40)
    loaded_at = models.DateTimeField()
    source = models.TextField(help_text="names of the files")
    digest = models.CharField(max_length=64)
    rows = models.PositiveBigIntegerField()
    content = models.BinaryField()

    class Meta:
        indexes = [models.Index(fields=["name", "loaded_at"], name="list_version_in_force")]


class RegistryState(models.Model):
    """One row: how often registers changed, and a mark that no other state ever has."""

    version = models.PositiveBigIntegerField()
    mark = models.CharField(max_length=32)
