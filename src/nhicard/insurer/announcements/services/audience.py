"""Who an announcement is for, and which announcements are for whom."""

from __future__ import annotations

from datetime import date, datetime

from django.db.models import Q, QuerySet

from nhicard.insurer.accounts.models import User
from nhicard.insurer.announcements.models import Announcement
from nhicard.insurer.registry.models import Institution


def recipients(announcement: Announcement) -> QuerySet[Institution]:
    """The institutions it is for."""
    found = Institution.objects.all()
    if announcement.divisions:
        found = found.filter(division__in=announcement.divisions)
    if announcement.kinds:
        found = found.filter(kind__in=announcement.kinds)
    return found


def is_for(announcement: Announcement, institution: Institution) -> bool:
    """Whether the institution is among them."""
    here = not announcement.divisions or institution.division in announcement.divisions
    return here and (not announcement.kinds or institution.kind in announcement.kinds)


def shown(now: datetime) -> QuerySet[Announcement]:
    """What is published, not over and not replaced at the moment; the newest first."""
    today: date = now.date()
    in_time = Q(expires_on__isnull=True) | Q(expires_on__gte=today)
    replaced = Q(replaced_by__published_at__lte=now)
    return (
        Announcement.objects.filter(in_time, published_at__lte=now).exclude(replaced).order_by("-published_at", "-pk")
    )


def shown_to(user: User, now: datetime) -> list[Announcement]:
    """Of these, those for the user's institution; the insurer's people see all of their division, or all."""
    found = list(shown(now))
    if user.institution is not None:
        institution = user.institution
        return [each for each in found if is_for(each, institution)]
    if user.is_of_division:
        return [each for each in found if not each.divisions or user.division in each.divisions]
    return found
