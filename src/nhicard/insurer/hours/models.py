"""Regular hours and holidays. What was registered is only added to (triggers: migration 0002); the last row counts."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from nhicard.insurer.accounts.models import User
from nhicard.insurer.append_only import AppendOnly
from nhicard.insurer.hours.week import CELLS, Week
from nhicard.insurer.registry.models import Institution

REMARK: int = 200


class Premises(models.Model):
    """Where an institution is and whether it is in business, as the insurer's lists last told."""

    institution = models.OneToOneField(Institution, on_delete=models.CASCADE, related_name="premises")
    address = models.CharField(max_length=200, blank=True, help_text="臺, never 台")
    telephone = models.CharField(max_length=40, blank=True)
    state = models.CharField(max_length=1, default="0", help_text="開業狀況: 0 open, 2 closed …")


class RegularHours(AppendOnly):
    """固定看診時段 of one specialty from a day on, until a later row of the same specialty takes its place."""

    institution = models.ForeignKey(Institution, on_delete=models.PROTECT, related_name="regular_hours")
    specialty = models.CharField(max_length=2, help_text="診療科別, 00 undivided")
    valid_from = models.DateField()
    cells = models.CharField(max_length=CELLS, help_text="21 letters, N open and Y closed")
    fee = models.PositiveSmallIntegerField(null=True, help_text="掛號費 in NT$; empty where it was not told")
    remark = models.CharField(max_length=REMARK, blank=True)
    at = models.DateTimeField()
    by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+", help_text="empty: from a file")

    class Meta:
        indexes = [models.Index(fields=["institution", "specialty", "valid_from"], name="hours_in_force")]

    @property
    def week(self) -> Week:
        """The sessions."""
        return Week.of_letters(self.cells)


class Holiday(models.Model):
    """長假期: its days, and the days on which institutions may register for it, the last of each included."""

    name_zh = models.CharField(max_length=40)
    name_en = models.CharField(max_length=60)
    first_day = models.DateField()
    last_day = models.DateField()
    opens_on = models.DateField()
    closes_on = models.DateField()
    announced_at = models.DateTimeField()
    announced_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    withdrawn_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(name="holiday_has_days", condition=Q(first_day__lte=F("last_day"))),
            models.CheckConstraint(
                name="holiday_has_a_window",
                condition=Q(opens_on__lte=F("closes_on")) & Q(closes_on__lte=F("last_day")),
            ),
        ]


class HolidayRegistration(AppendOnly):
    """What an institution registered for a holiday: its sessions, or that it is closed on all days."""

    holiday = models.ForeignKey(Holiday, on_delete=models.PROTECT, related_name="registrations")
    institution = models.ForeignKey(Institution, on_delete=models.PROTECT, related_name="holiday_registrations")
    is_closed = models.BooleanField(help_text="on all days")
    remark = models.CharField(max_length=REMARK, blank=True, help_text="長假期看診時段備註")
    at = models.DateTimeField()
    by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        indexes = [models.Index(fields=["holiday", "institution"], name="holiday_registered")]


class HolidaySession(AppendOnly):
    """One session that is open on a day of the holiday, by specialty."""

    registration = models.ForeignKey(HolidayRegistration, on_delete=models.PROTECT, related_name="sessions")
    day = models.DateField()
    session = models.CharField(max_length=9, help_text="morning, afternoon, evening")
    specialty = models.CharField(max_length=2)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["registration", "day", "session", "specialty"], name="one_holiday_session")
        ]
