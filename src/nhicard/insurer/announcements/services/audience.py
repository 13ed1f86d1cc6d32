"""Who an announcement is for, and which announcements are for whom."""

from __future__ import annotations

from datetime import date, datetime
from itertools import product
from typing import Any, NamedTuple

from django.db.models import Q, QuerySet

from nhicard.insurer.accounts.models import User
from nhicard.insurer.announcements.models import Announcement
from nhicard.insurer.announcements.services.specialties import is_of, of
from nhicard.insurer.registry.models import Institution


class Segment(NamedTuple):
    """分眾: one division, kind and specialty; None or empty: all."""

    division: int | None
    kind: str
    specialty: str

    @property
    def institutions(self) -> QuerySet[Institution]:
        """Those in it."""
        return _among(*([each] if each else [] for each in self))


def segments(announcement: Announcement) -> list[Segment]:
    """The segments that together are its audience."""
    parts = (announcement.divisions or [None], announcement.kinds or [""], announcement.specialties or [""])
    return [Segment(*each) for each in product(*parts)]


def recipients(announcement: Announcement) -> QuerySet[Institution]:
    """The institutions it is for."""
    return _among(announcement.divisions, announcement.kinds, announcement.specialties)


def is_for(announcement: Announcement, institution: Institution) -> bool:
    """Whether the institution is among them."""
    here = not announcement.divisions or institution.division in announcement.divisions
    such = not announcement.kinds or institution.kind in announcement.kinds
    return here and such and (not announcement.specialties or is_of(announcement.specialties, institution.code))


def _among(divisions: list[Any], kinds: list[Any], chosen: list[Any]) -> QuerySet[Institution]:
    found = Institution.objects.all()
    if divisions:
        found = found.filter(division__in=divisions)
    if kinds:
        found = found.filter(kind__in=kinds)
    return found.filter(of(chosen)) if chosen else found


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
