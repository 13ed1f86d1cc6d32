"""The records behind a number of the report, and what became of each in both editions."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Final

import polars as pl
from django.db.models import Exists, F, Max, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Concat

from nhicard.insurer.intake.models import Finding, Submission, Visit, VisitState
from nhicard.insurer.many import one_of
from nhicard.insurer.monitoring.services.report import window

PAGE: Final = 50
#: The columns that lists need; the fields as sent are long.
LISTED: Final = (
    *("submission_id", "record", "edition", "channel", "state", "visit_date", "institution"),
    *("patient_id", "category", "visit_time", "sequence", "identifier"),
)


class Group(StrEnum):
    """Which records a number counts."""

    ACCEPTED = "a"
    MATCHED = "b"
    BY_VPN = "vpn"
    BY_WEB = "web"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Asked:
    """A number of the report: of a date, of a category, or of all."""

    institution: str
    as_of: date
    group: Group = Group.ACCEPTED
    day: date | None = None
    category: str = ""


@dataclass(frozen=True, slots=True)
class Slice:
    """Records of a list; ``after`` is where the next ones begin, None at the end."""

    records: Sequence[Visit]
    after: int | None


@dataclass(frozen=True, slots=True)
class Sent:
    """One record as it was sent: its fields and findings. ``forgotten``: the findings are no longer kept."""

    visit: Visit
    submission: Submission
    fields: dict[str, str]
    findings: Sequence[Finding]
    forgotten: bool


def behind(asked: Asked) -> QuerySet[Visit]:
    """The 1.0 records in force that the number counts, each with ``arrived_by``, as the counters see them."""
    days = window(asked.as_of)
    records = Visit.objects.filter(
        institution=asked.institution, edition="1.0", is_precheck=False, state=VisitState.ACCEPTED
    )
    records = records.filter(visit_date__range=(days[0], days[-1]))
    if asked.day:
        records = records.filter(visit_date=asked.day)
    if asked.category:
        records = records.filter(category=asked.category)
    return _of_group(records.order_by("id"), asked.group)


def slice_of(asked: Asked, after: int = 0) -> Slice:
    """Records in the order in which they came, from behind the one numbered ``after``."""
    arrived = Subquery(_in_force().values("patient_id").annotate(way=Max("channel")).values("way"))
    found = list(behind(asked).filter(id__gt=after).annotate(arrived_by=arrived).only(*LISTED)[: PAGE + 1])
    return Slice(found[:PAGE], found[PAGE - 1].pk if len(found) > PAGE else None)


def twins(record: Visit) -> QuerySet[Visit]:
    """The 2.0 pre-checks of a 1.0 record, whatever became of them, the newest first."""
    same = Visit.objects.filter(patient_id=record.patient_id, visit_time=record.visit_time)
    return same.filter(institution=record.institution, edition="2.0", is_precheck=True).order_by("-id")


def twins_of(records: Sequence[Visit]) -> dict[tuple[str, str], Visit]:
    """Of each record of one institution, by patient and time: its pre-check in force, else the newest one tried."""
    wanted = pl.DataFrame(
        [(each.patient_id, each.visit_time) for each in records],
        schema={"patient_id": pl.String, "visit_time": pl.String},
        orient="row",
    )
    places = {each.institution for each in records}
    found = Visit.objects.filter(one_of(wanted), edition="2.0", is_precheck=True).only(*LISTED)
    best: dict[tuple[str, str], Visit] = {}
    for twin in sorted(found, key=lambda each: (each.state == VisitState.ACCEPTED, each.pk)):
        if twin.institution in places:
            best[twin.patient_id, twin.visit_time] = twin
    return best


def sent(record: Visit, now: datetime) -> Sent:
    """The record with what its check found."""
    submission = record.submission
    findings = Finding.objects.filter(submission=submission, record=record.record).order_by("order", "id")
    over = submission.result_until is not None and now > submission.result_until
    return Sent(record, submission, json.loads(record.fields) if record.fields else {}, list(findings), over)


def _of_group(records: QuerySet[Visit], group: Group) -> QuerySet[Visit]:
    web = Exists(_in_force().filter(channel="web"))
    vpn = Exists(_in_force().filter(channel="vpn"))
    conditions = {
        Group.ACCEPTED: Q(),
        Group.MATCHED: Q(Exists(_in_force())),
        Group.BY_WEB: Q(web),
        Group.BY_VPN: Q(vpn) & ~Q(web),
        Group.MISSING: ~Q(Exists(_in_force())),
    }
    return records.filter(conditions[group])


def _in_force() -> QuerySet[Visit]:
    """Accepted pre-checks of the outer query's record; the institution is no column, so that the patient's index is
    taken (as in intake's counting)."""
    same = Visit.objects.filter(patient_id=OuterRef("patient_id"), visit_time=OuterRef("visit_time"))
    here = same.annotate(place=Concat(F("institution"), Value(""))).filter(place=OuterRef("institution"))
    return here.filter(edition="2.0", is_precheck=True, state=VisitState.ACCEPTED).order_by()
