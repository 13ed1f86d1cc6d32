"""Frames out of the uploads' tables, the claims, the loaded lists and the registered hours."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any, Final

import polars as pl
from django.db.models import Q

from nhicard.insurer.absences.services import claims
from nhicard.insurer.detectors.frames import CLAIMS, CLOSED, Frames, visits
from nhicard.insurer.detectors.models import FactKind
from nhicard.insurer.detectors.services import facts
from nhicard.insurer.hours.services.opening import openings
from nhicard.insurer.intake.models import Visit, VisitState
from nhicard.insurer.partitions.months import month_of
from nhicard.insurer.registry.models import Institution

_AT_ONCE: Final = 10_000
_COLUMNS: Final = {
    "visit": ("pk", pl.Int64),
    "key": ("key", pl.String),
    "institution": ("institution", pl.String),
    "person": ("patient_id", pl.String),
    "physician": ("staff_id", pl.String),
    "category": ("category", pl.String),
    "time": ("visit_time", pl.String),
    "day": ("visit_date", pl.Date),
    "received": ("received_at", pl.Datetime("us")),
    "upload_kind": ("upload_kind", pl.String),
    "sequence": ("sequence", pl.String),
    "identifier": ("identifier", pl.String),
    "original_identifier": ("original_identifier", pl.String),
}


def gather(since: date, until: date) -> tuple[Frames, pl.DataFrame]:
    """What detectors look at of these days, and the claims with their references."""
    told = claims.frame(Q(first_day__lte=until, last_day__gte=since))
    stays = told.filter(pl.col("kind") == "inpatient").select(
        "person", admitted=pl.col("first_day"), discharged=pl.col("last_day")
    )
    found = Frames(
        visits=_visits(since, until).lazy(),
        claims=told.select(list(CLAIMS)).lazy(),
        deaths=facts.newest(FactKind.DEATHS),
        stays=pl.concat([facts.newest(FactKind.STAYS), stays.lazy()]),
        closed=closed(since, until).lazy(),
    )
    return found, told


def _visits(since: date, until: date) -> pl.DataFrame:
    """Real visits in force of these days; a correction counts as received when the record first was."""
    months = (month_of(since), month_of(until))  # the partitions to read
    of_days = Visit.objects.filter(is_precheck=False, visit_date__range=(since, until), visit_month__range=months)
    rows = of_days.filter(state=VisitState.ACCEPTED).values_list(*(name for name, _ in _COLUMNS.values()))
    schema: dict[str, Any] = {name: dtype for name, (_, dtype) in _COLUMNS.items()}
    found = pl.DataFrame(list(rows.iterator(chunk_size=_AT_ONCE)), schema=schema, orient="row")
    replaced = of_days.filter(state=VisitState.REPLACED).values_list("key", "received_at")
    earlier = pl.DataFrame(
        list(replaced.iterator(chunk_size=_AT_ONCE)),
        schema={"key": pl.String, "earlier": pl.Datetime("us")},
        orient="row",
    )
    first = earlier.group_by("key").agg(pl.col("earlier").min())
    dated = found.join(first, on="key", how="left")
    return visits(dated.with_columns(received=pl.min_horizontal("received", "earlier")))


def closed(since: date, until: date) -> pl.DataFrame:
    """Days on which institutions that registered their hours have no session: ``CLOSED``."""
    codes = dict(Institution.objects.values_list("pk", "code"))
    everybody = Institution.objects.all()
    rows = [
        (codes[number], day)
        for day in _days(since, until)
        for number, opening in openings(everybody, day).items()
        if not opening.is_open
    ]
    return pl.DataFrame(rows, schema=dict(CLOSED), orient="row")


def _days(since: date, until: date) -> Iterator[date]:
    return (since + timedelta(days=number) for number in range((until - since).days + 1))
