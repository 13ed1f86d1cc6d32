"""Reminders given, what institutions chose not to be told, and the e-mails that carry them outside the portal."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class Reminder(models.Model):
    """What an institution was reminded of, once for each ``key``. Only added to."""

    institution = models.ForeignKey("registry.Institution", on_delete=models.PROTECT, related_name="reminders")
    topic = models.CharField(max_length=20, help_text="data/topics.csv")
    key = models.CharField(max_length=100, help_text="the same for the same occasion")
    title_zh = models.CharField(max_length=120)
    title_en = models.CharField(max_length=120)
    body_zh = models.TextField()
    body_en = models.TextField()
    link = models.CharField(max_length=200, blank=True, help_text="the page where it can be seen to")
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["institution", "key"], name="one_reminder_an_occasion")]
        indexes = [models.Index(fields=["institution", "at"], name="reminder_by_time")]


class Choice(models.Model):
    """An institution declined a topic, or took that back; the last one counts. Only added to."""

    institution = models.ForeignKey("registry.Institution", on_delete=models.PROTECT, related_name="+")
    topic = models.CharField(max_length=20)
    is_declined = models.BooleanField()
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()


class Opening(models.Model):
    """The first time that somebody of the institution looked at its reminders after this one came."""

    reminder = models.OneToOneField(Reminder, on_delete=models.CASCADE, related_name="opening")
    at = models.DateTimeField()


class Mail(models.Model):
    """One e-mail that carries a reminder; tried as deliveries of announcements are."""

    class State(models.TextChoices):
        """傳送狀態"""

        PENDING = "pending", "待傳送"
        SENT = "sent", "已傳送"
        FAILED = "failed", "無法傳送"

    reminder = models.ForeignKey(Reminder, on_delete=models.CASCADE, related_name="mails")
    address = models.EmailField()
    key = models.UUIDField(unique=True, help_text="the same at every try")
    state = models.CharField(max_length=7, choices=State.choices, default=State.PENDING)
    tries = models.PositiveSmallIntegerField(default=0)
    next_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)
    trouble = models.CharField(max_length=100, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["reminder", "address"], name="one_mail_an_address")]
        indexes = [models.Index(fields=["next_at"], name="mail_due", condition=models.Q(state="pending"))]
