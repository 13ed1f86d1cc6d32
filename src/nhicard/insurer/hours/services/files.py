"""Open data into the tables and out of them."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from functools import reduce
from operator import or_
from pathlib import Path
from typing import Final

from django.conf import settings
from django.db import transaction
from django.db.models import Max

from nhicard.insurer.hours import layouts
from nhicard.insurer.hours.layouts import Clinic, Fault, FixedHours, cell, stamp
from nhicard.insurer.hours.models import REMARK, Premises, RegularHours
from nhicard.insurer.hours.services import regular
from nhicard.insurer.hours.specialties import UNDIVIDED
from nhicard.insurer.hours.week import Week
from nhicard.insurer.registry.models import Contract, Institution, Validity

IN_BUSINESS, CLOSED_DOWN = "0", "2"
_NAME: Final = "fixed-hours.csv"


@dataclass(frozen=True, slots=True)
class Imported:
    """What came of a file. ``unknown``: codes that the register has not; ``older``: rows older than those on record."""

    rows: int
    new: int
    older: int
    unknown: tuple[str, ...]
    faults: tuple[Fault, ...]


@transaction.atomic
def take(data: bytes, now: datetime) -> Imported:
    """Import a file of fixed hours, or a list of clinics with their addresses. Raises BadFile.

    Hours that are as they were add nothing; an institution's own registration that is newer than the file stays.
    A list of clinics has no date: it tells of today.
    """
    found = layouts.read(data)
    places = {each.code: each for each in Institution.objects.filter(code__in={row.code for row in found.rows})}
    _keep_premises(found.rows, places)
    own = RegularHours.objects.filter(by__isnull=False, institution__in=places.values())
    registered = dict(own.values_list("institution").annotate(at=Max("at")))
    last = _last(places)
    fresh, older, unknown = [], 0, []
    for row in found.rows:
        place = places.get(row.code)
        if place is None:
            unknown.append(row.code)
            continue
        made = _hours(row, place, now)
        if made is None:
            continue
        before = last.get(place.pk)
        if place.pk in registered and registered[place.pk] >= made.at:
            older += 1
        elif before is None or made.valid_from >= before.valid_from:
            if before is None or (before.cells, before.remark) != (made.cells, made.remark):
                fresh.append(made)
                last[place.pk] = made
        else:
            older += 1
    RegularHours.objects.bulk_create(fresh, batch_size=1000)
    return Imported(len(found.rows), len(fresh), older, tuple(unknown), found.faults)


def rows(day: date, now: datetime) -> list[FixedHours]:
    """The file of fixed hours as of a day, an institution with hours a row: open where any specialty is."""
    everybody = Institution.objects.all()
    hours = regular.in_force(everybody, day)
    states = dict(Premises.objects.values_list("institution", "state"))
    contracted = set(Contract.objects.filter(Validity.on(day)).values_list("institution", flat=True))
    ended = set(Contract.objects.values_list("institution", flat=True)) - contracted
    updated, found = stamp(now), []
    for place in everybody.filter(pk__in=hours).order_by("code"):
        of_place = hours[place.pk]
        state = states.get(place.pk, IN_BUSINESS)
        found.append(
            FixedHours(
                code=place.code,
                name=cell(place.name),
                division=str(place.division or layouts.NOTHING),
                category=place.category or layouts.NOTHING,
                year=str(day.year),
                letters=reduce(or_, (each.week for each in of_place), Week()).letters,
                remark=cell("；".join(dict.fromkeys(each.remark for each in of_place if each.remark))),
                state=CLOSED_DOWN if state == IN_BUSINESS and place.pk in ended else state,
                updated=updated,
            )
        )
    return found


def published() -> Path:
    """Where the file that everybody may download lies."""
    return Path(settings.HOME) / "hours" / _NAME


def publish(content: bytes, file: Path) -> None:
    """Put the file in its place in one step; raises OSError, and then what was there stays."""
    file.parent.mkdir(parents=True, exist_ok=True)
    beside = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        beside.write_bytes(content)
        beside.replace(file)
    finally:
        beside.unlink(missing_ok=True)


def _hours(row: FixedHours | Clinic, place: Institution, now: datetime) -> RegularHours | None:
    week = row.week
    if week is None:
        return None
    since, at = (row.valid_from, row.updated_at) if isinstance(row, FixedHours) else (now.date(), now)
    remark = layouts.told(row.remark)[:REMARK]
    return RegularHours(
        institution=place, specialty=UNDIVIDED, valid_from=since, cells=week.letters, remark=remark, at=at
    )


def _last(places: dict[str, Institution]) -> dict[int, RegularHours]:
    """The last hours of each institution that came from a file."""
    rows = RegularHours.objects.filter(by=None, specialty=UNDIVIDED, institution__in=places.values())
    return {row.institution_id: row for row in rows.order_by("valid_from", "pk")}


def _keep_premises(found: Iterable[FixedHours | Clinic], places: dict[str, Institution]) -> None:
    """What a file says of the premises; what it does not say stays."""
    known = {each.institution_id: each for each in Premises.objects.filter(institution__in=places.values())}
    touched: dict[int, Premises] = {}
    for row in found:
        if row.code not in places:
            continue
        place = places[row.code]
        premises = touched.setdefault(place.pk, known.get(place.pk) or Premises(institution=place))
        if isinstance(row, FixedHours):
            premises.state = layouts.told(row.state)[:1] or premises.state
        else:
            premises.address = row.address.replace("台", "臺")[:200] or premises.address
            premises.telephone = row.telephone[:40] or premises.telephone
    Premises.objects.bulk_create(
        touched.values(),
        batch_size=1000,
        update_conflicts=True,
        unique_fields=["institution"],
        update_fields=["address", "telephone", "state"],
    )
