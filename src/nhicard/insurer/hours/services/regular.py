"""Regular hours: registering them, and which are in force on a day."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet

from nhicard.insurer.accounts.models import User
from nhicard.insurer.audit import chain
from nhicard.insurer.hours.models import RegularHours
from nhicard.insurer.hours.specialties import specialties
from nhicard.insurer.hours.week import Week
from nhicard.insurer.registry.models import Institution

#: How far ahead hours may be registered, and the highest registration fee that is no slip of the pen, in NT$.
AHEAD = timedelta(days=366)
MOST_FEE = 9999


@dataclass(frozen=True, slots=True)
class Told:
    """What an institution tells of one specialty; ``fee`` in NT$."""

    specialty: str
    valid_from: date
    week: Week
    fee: int | None = None
    remark: str = ""


class NotRegistered(ValueError):
    """It was not taken; ``text`` names the sentence that says why, in texts.csv."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


@transaction.atomic
def register(institution: Institution, told: Told, user: User | None, now: datetime) -> RegularHours:
    """Hours of one specialty from a day on, today or later. Raises NotRegistered.

    What held before goes on holding until that day. No open session means that the specialty is not offered.
    """
    if told.specialty not in specialties():
        raise NotRegistered("hours.error.specialty")
    if not now.date() <= told.valid_from <= now.date() + AHEAD:
        raise NotRegistered("hours.error.valid_from")
    if told.fee is not None and not 0 <= told.fee <= MOST_FEE:
        raise NotRegistered("hours.error.fee")
    row = RegularHours(
        institution=institution,
        specialty=told.specialty,
        valid_from=told.valid_from,
        cells=told.week.letters,
        fee=told.fee,
        remark=told.remark,
        at=now,
        by=user,
    )
    row.save()
    if user:
        chain.record(
            at=now,
            actor=user.username,
            role=user.role,
            action="hours.registered",
            subject=f"regular hours {row.pk}",
            institution=institution.code,
            facts={
                "specialty": told.specialty,
                "from": told.valid_from.isoformat(),
                "cells": row.cells,
                "fee": told.fee,
            },
        )
    return row


def in_force(institutions: QuerySet[Institution], day: date) -> Mapping[int, tuple[RegularHours, ...]]:
    """By institution's primary key, its hours on the day, one row a specialty; those with none are not in it."""
    rows = RegularHours.objects.filter(institution__in=institutions, valid_from__lte=day)
    return chosen(rows.order_by("valid_from", "pk"))


def chosen(rows: Iterable[RegularHours]) -> Mapping[int, tuple[RegularHours, ...]]:
    """Of rows in the order in which they begin to hold, the last of each specialty.

    What a file told counts only while the institution has told nothing itself.
    """
    last: dict[int, dict[str, RegularHours]] = defaultdict(dict)
    own: dict[int, dict[str, RegularHours]] = defaultdict(dict)
    for row in rows:
        (last if row.by_id is None else own)[row.institution_id][row.specialty] = row
    return {
        key: tuple(row for _, row in sorted((own.get(key) or last[key]).items())) for key in last.keys() | own.keys()
    }


def planned(institution: Institution, day: date) -> list[RegularHours]:
    """What is registered for after the day, the earliest first."""
    return list(RegularHours.objects.filter(institution=institution, valid_from__gt=day).order_by("valid_from", "pk"))


def history(institution: Institution) -> list[RegularHours]:
    """All that was ever registered, the latest first."""
    return list(RegularHours.objects.filter(institution=institution).select_related("by").order_by("-at", "-pk"))
