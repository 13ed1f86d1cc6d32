"""Announcements, their files, and who has read them. What is published is never edited: a later one takes its place."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class Section(models.TextChoices):
    """五大區塊"""

    NEWS = "news", "新訊報"
    ARCHIVE = "archive", "歷史資料"
    CONTRACTED = "contracted", "特約專區"
    MEDIA = "media", "影音文宣"
    OTHER = "other", "其他"


class Announcement(models.Model):
    """One announcement. Empty lists of the audience mean everybody."""

    section = models.CharField(max_length=10, choices=Section.choices)
    title = models.CharField(max_length=120)
    body = models.TextField()
    divisions = models.JSONField(default=list, blank=True, help_text="分區業務組 1 to 6")
    kinds = models.JSONField(default=list, blank=True, help_text="registry.Kind")
    specialties = models.JSONField(default=list, blank=True, help_text="data/specialties.csv")
    is_public = models.BooleanField(default=False, help_text="also in the public feed")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    published_at = models.DateTimeField()
    expires_on = models.DateField(null=True, blank=True, help_text="the last day on which it is shown")
    replaces = models.OneToOneField("self", null=True, blank=True, on_delete=models.PROTECT, related_name="replaced_by")

    class Meta:
        indexes = [models.Index(fields=["published_at"], name="announcement_by_time")]


class File(models.Model):
    """A file that goes with an announcement (院所交換檔案)."""

    announcement = models.ForeignKey(Announcement, on_delete=models.CASCADE, related_name="files")
    name = models.CharField(max_length=120)
    content_type = models.CharField(max_length=60)
    size = models.PositiveIntegerField()
    content = models.BinaryField()


class Reading(models.Model):
    """The first time that a user of an institution opened an announcement."""

    announcement = models.ForeignKey(Announcement, on_delete=models.CASCADE, related_name="readings")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    institution = models.ForeignKey("registry.Institution", on_delete=models.CASCADE, related_name="+")
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["announcement", "user"], name="one_reading_a_user")]


class LineAudience(models.Model):
    """An audience group of the LINE official account: the friends of a division's institutions of a kind and specialty.

    Empty division, kind or specialty: of all. Who is in the group is managed in the account itself; this table says
    which group is whose. ``members`` and ``status`` are what LINE said when it was last asked.
    """

    division = models.PositiveSmallIntegerField(null=True, blank=True)
    kind = models.CharField(max_length=12, blank=True, help_text="registry.Kind")
    specialty = models.CharField(max_length=10, blank=True, help_text="data/specialties.csv")
    group = models.PositiveBigIntegerField(help_text="audienceGroupId")
    is_ours = models.BooleanField(default=False, help_text="made from here, and deleted at LINE from here")
    members = models.PositiveIntegerField(null=True, blank=True)
    status = models.CharField(max_length=12, blank=True, help_text="LINE's AudienceGroupStatus")
    asked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["division", "kind", "specialty"], name="one_group_a_segment", nulls_distinct=False
            )
        ]


class Delivery(models.Model):
    """One message that carries an announcement outside the portal, once."""

    class State(models.TextChoices):
        """傳送狀態"""

        PENDING = "pending", "待傳送"
        SENT = "sent", "已傳送"
        FAILED = "failed", "無法傳送"

    announcement = models.ForeignKey(Announcement, on_delete=models.CASCADE, related_name="deliveries")
    channel = models.CharField(max_length=10)
    address = models.CharField(max_length=254, blank=True, help_text="a LINE audience group or an e-mail address")
    key = models.UUIDField(unique=True, help_text="the same at every try, so that the receiver knows the message again")
    state = models.CharField(max_length=7, choices=State.choices, default=State.PENDING)
    tries = models.PositiveSmallIntegerField(default=0)
    next_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)
    trouble = models.CharField(max_length=100, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["announcement", "channel", "address"], name="one_message_an_address")
        ]
        indexes = [models.Index(fields=["next_at"], name="delivery_due", condition=models.Q(state="pending"))]
