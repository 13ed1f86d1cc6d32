"""Users of the portal. An institution's users see it alone, a division's its institutions, the others all."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models import Q

from nhicard.insurer.registry.models import Institution


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


class User(AbstractBaseUser):
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

    USERNAME_FIELD = "username"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["name", "role"]
    objects: ClassVar[UserManager] = UserManager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="role_has_its_place",
                condition=Q(role__in=INSTITUTION_ROLES, institution__isnull=False, division__isnull=True)
                | Q(role__in=DIVISION_ROLES, institution__isnull=True, division__range=(1, 6))
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
