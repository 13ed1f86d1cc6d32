"""What the rule looks at, read from lists, reports, uploads and claims: few columns, few rows."""

from __future__ import annotations

import hashlib
from datetime import date, datetime, time
from typing import Any, Final

import polars as pl
from django.db.models import Q

from nhicard.insurer.absences.models import AbsenceList, ListedAbsence, ReportedAbsence
from nhicard.insurer.absences.rules import ABSENCES, without_doubles
from nhicard.insurer.absences.services import claims
from nhicard.insurer.intake.models import Visit, VisitState
from nhicard.insurer.many import one_of

_AT_ONCE: Final = 5000
_FACTS: Final = {**ABSENCES, "replacement": pl.String}
_VISITS: Final = {
    "visit": pl.Int64,
    "key": pl.String,
    "institution": pl.String,
    "physician": pl.String,
    "person": pl.String,
    "first_day": pl.Date,
}


def absences(since: date, as_of: date, exits: set[date]) -> pl.DataFrame:
    """Journeys that reach into the days from ``since`` to ``as_of``, or began on one of ``exits``.

    Columns of ``rules.ABSENCES``, and ``replacement``: who stands in at which institution, where it was told.
    """
    reaches = Q(exit_on__lte=as_of) & (Q(entry_on__isnull=True) | Q(entry_on__gte=since) | Q(exit_on__in=exits))
    newest = AbsenceList.objects.order_by("pk").last()
    end = datetime.combine(as_of, time.max)
    listed = ListedAbsence.objects.filter(reaches, of_list=newest).order_by("pk")
    reported = ReportedAbsence.objects.filter(reaches, Q(at__lte=end), withdrawn_at__isnull=True).order_by("pk")
    names = ("physician", "code", "exit_on", "entry_on")
    of_list = [(-number, None, *told, "") for number, *told in listed.values_list("pk", *names)]
    of_reports = [
        (number, code, physician, "", *told)
        for number, code, physician, *told in reported.values_list(
            "pk", "institution__code", "physician", "exit_on", "entry_on", "replacement"
        )
    ]
    schema: dict[str, Any] = dict(_FACTS)
    told = pl.DataFrame(of_list, schema=schema, orient="row")
    return without_doubles(told, pl.DataFrame(of_reports, schema=schema, orient="row"), as_of)


def replacements(as_of: date) -> dict[tuple[str, str], list[tuple[date, date, str]]]:
    """By institution and physician, the first and last day of reports and who stands in."""
    found: dict[tuple[str, str], list[tuple[date, date, str]]] = {}
    for each in ReportedAbsence.objects.filter(withdrawn_at__isnull=True).select_related("institution"):
        days = (each.exit_on, each.entry_on or max(as_of, each.exit_on), each.replacement)
        found.setdefault((each.institution.code, each.physician), []).append(days)
    return found


def named(journeys: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """Visits in force and claims that name one of these people or codes, on days in question.

    Columns of ``rules.NAMED``, and ``visit`` (number), ``claim`` (reference) and ``person``.
    """
    codes = journeys.select(physician=pl.col("code")).filter(pl.col("physician") != "")
    people = pl.concat([journeys.select("physician"), codes]).unique().sort("physician")
    since = journeys["exit_on"].min()
    assert since is None or isinstance(since, date)
    parts = [_visits(part, since or as_of, as_of) for part in people.iter_slices(_AT_ONCE)]
    parts += [_claims(part, since or as_of, as_of) for part in people.iter_slices(_AT_ONCE)]
    return pl.concat(parts) if parts else _visits(people, as_of, as_of)


def _visits(people: pl.DataFrame, since: date, as_of: date) -> pl.DataFrame:
    end = datetime.combine(as_of, time.max)
    found = Visit.objects.filter(
        one_of(people.rename({"physician": "staff_id"})),
        state=VisitState.ACCEPTED,
        is_precheck=False,
        visit_date__gte=since,
        visit_date__lte=as_of,
        received_at__lte=end,
    )
    rows = found.values_list("pk", "key", "institution", "staff_id", "patient_id", "visit_date")
    told = pl.DataFrame(list(rows.iterator(chunk_size=_AT_ONCE)), schema=dict(_VISITS), orient="row")
    return told.select(
        "institution",
        "physician",
        "first_day",
        "visit",
        "person",
        subject=_digests(told["key"]),
        last_day="first_day",
        is_stay=pl.lit(False),
        claim=pl.lit(""),
    ).select(_COLUMNS)


def _claims(people: pl.DataFrame, since: date, as_of: date) -> pl.DataFrame:
    wanted = Q(last_day__gte=since, first_day__lte=as_of, of_file__loaded_at__lte=datetime.combine(as_of, time.max))
    told = claims.frame(wanted & Q(physician__in=people["physician"].to_list()))
    return told.select(
        *("institution", "physician", "first_day", "last_day", "person"),
        subject=_digests(told.select(pl.concat_str("institution", "reference", separator=" ")).to_series()),
        visit=pl.lit(None, pl.Int64),
        is_stay=pl.col("kind") == "inpatient",
        claim=pl.col("reference"),
    ).select(_COLUMNS)


_COLUMNS: Final = (
    *("subject", "institution", "physician", "first_day", "last_day", "is_stay"),
    *("visit", "claim", "person"),
)


def _digests(keys: pl.Series) -> pl.Series:
    return pl.Series([hashlib.sha256(each.encode()).hexdigest() for each in keys], dtype=pl.String)
