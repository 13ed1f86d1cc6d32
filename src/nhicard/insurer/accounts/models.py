"""Users of the portal. An institution's users see it alone, a division's its institutions, the others all."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models import Q
from django_otp.models import Device

from nhicard.insurer.registry.models import Institution, StaffCard


class Role(models.TextChoices):
    """角色"""

    CLERK = "clerk", "院所承辦"
    REPRESENTATIVE = "representative", "機構代表"
    OFFICER = "officer", "分區承辦人"
    SUPERVISOR = "supervisor", "分區主管"
    HEADQUARTERS = "headquarters", "署本部"
    AUDITOR = "auditor", "稽核人員"


INSTITUTION_ROLES = (Role.CLERK, Role.REPRESENTATIVE)
DIVISION_ROLES = (Role.OFFICER, Role.SUPERVISOR)


class UserManager(BaseUserManager["User"]):
    """Makes users with hashed passwords."""

    def create_user(self, username: str, password: str, **facts: Any) -> User:
        """A new user; raises IntegrityError where role, institution and division do not go together."""
        user = self.model(username=username, **facts)
        user.set_password(password)
        user.save(using=self._db)
        return user


class User(AbstractBaseUser):  # type: ignore[django-manager-missing]  # django-otp has no types
    """One person with one role. ``national_id`` opens the encrypted downloads made for this person."""

    username = models.CharField(max_length=40, unique=True)
    name = models.CharField(max_length=60)
    national_id = models.CharField(max_length=10, blank=True)
    email = models.EmailField(blank=True)
    role = models.CharField(max_length=14, choices=Role.choices)
    institution = models.ForeignKey(Institution, null=True, blank=True, on_delete=models.PROTECT, related_name="users")
    division = models.PositiveSmallIntegerField(null=True, blank=True, help_text="分區業務組 1 to 6")
    is_active = models.BooleanField(default=True)
    failures = models.PositiveSmallIntegerField(default=0, help_text="failed logins since the last success")
    locked_until = models.DateTimeField(null=True, blank=True)
    password_changed_at = models.DateTimeField(null=True, blank=True)
    password_is_due = models.BooleanField(default=False, help_text="set by an administrator: to be changed at once")

    USERNAME_FIELD = "username"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["name", "role"]
    objects: ClassVar[UserManager] = UserManager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="role_has_its_place",
                condition=Q(role__in=INSTITUTION_ROLES, institution__isnull=False, division__isnull=True)
                | Q(role__in=DIVISION_ROLES, institution__isnull=True, division__isnull=False, division__range=(1, 6))
                | Q(role__in=[Role.HEADQUARTERS, Role.AUDITOR], institution__isnull=True, division__isnull=True),
            )
        ]

    def __str__(self) -> str:
        return self.username

    @property
    def is_of_institution(self) -> bool:
        """Whether the user belongs to an institution."""
        return self.role in INSTITUTION_ROLES

    @property
    def is_of_division(self) -> bool:
        """Whether the user belongs to a division."""
        return self.role in DIVISION_ROLES


class FormerPassword(models.Model):
    """A password that the user had, hashed, so that it is not chosen again soon."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="former_passwords")
    password = models.CharField(max_length=128)
    set_at = models.DateTimeField()


class RecoveryCode(models.Model):
    """A code that stands in once for the second factor. ``digest``: SHA-256, in hexadecimal; 80 bits need no salt."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="recovery_codes")
    digest = models.CharField(max_length=64)


class CardDevice(Device):  # type: ignore[misc]
    """A staff card with its PIN as second factor: what a session that began with the card is verified by."""

    card = models.ForeignKey(StaffCard, on_delete=models.CASCADE, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "card"], name="card_device_once")]


class Means(models.TextChoices):
    """登入方式"""

    PASSWORD = "password", "密碼與動態驗證碼"
    RECOVERY = "recovery", "密碼與備用碼"
    STAFF_CARD = "staff-card", "醫事人員卡"
    SAM = "sam", "安全模組卡與動態驗證碼"


class SignIn(models.Model):
    """A session from its beginning to its end; ``session`` is its key, emptied when it ends."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="sign_ins")
    means = models.CharField(max_length=10, choices=Means.choices)
    began_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    session = models.CharField(max_length=40, blank=True)

    class Meta:
        indexes = [models.Index(fields=["user", "-began_at"], name="sign_in_latest")]
