"""Documents and programs as the pages show them: nothing of a person."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db.models import Count, QuerySet
from django.utils import translation

from nhicard.formats import rocdate
from nhicard.insurer.eprescriptions.models import Client, Dispensing, EPrescription
from nhicard.insurer.eprescriptions.services import refills
from nhicard.insurer.portal.texts import text
from nhicard.insurer.registry.models import Institution
from nhicard.prescriptions.tables import kinds


@dataclass(frozen=True, slots=True)
class Document:
    """A prescription or a sheet. ``state``: a text; of a prescription how much of it is dispensed."""

    recorded_at: str
    number: str
    kind: str
    valid_until: str
    state: str
    place: str


@dataclass(frozen=True, slots=True)
class Program:
    """A client."""

    number: int
    name: str
    client_id: str
    use: str
    made_at: str
    revoked_at: str


@dataclass(frozen=True, slots=True)
class Tally:
    """An institution's documents and programs in force."""

    institution: str
    prescribed: int
    dispensed: int
    programs: int


def prescriptions(institution: Institution, most: int) -> list[Document]:
    """What the institution prescribed, the latest first."""
    found = EPrescription.objects.filter(institution=institution).select_related("institution", "cancellation")
    return [_prescription(row) for row in found.order_by("-pk")[:most]]


def dispensings(institution: Institution, most: int) -> list[Document]:
    """What the institution dispensed, the latest first."""
    found = Dispensing.objects.filter(institution=institution).select_related("prescription__institution")
    return [
        Document(
            _moment(row.recorded_at),
            row.prescription.number,
            _kind(row.prescription.kind),
            _day(row.prescription.valid_until),
            text("eprescriptions.refill", number=row.number, of=row.prescription.dispensings),
            f"{row.prescription.institution.short_name} {row.prescription.institution.code}",
        )
        for row in found.order_by("-pk")[:most]
    ]


def clients(institution: Institution) -> list[Program]:
    """The institution's programs, those in force first."""
    found = Client.objects.filter(institution=institution).order_by("-pk")
    return [
        Program(
            row.pk,
            row.name,
            row.client_id,
            text("eprescriptions.use.people" if row.is_for_people else "eprescriptions.use.system"),
            _moment(row.made_at),
            _moment(row.revoked_at) if row.revoked_at else "",
        )
        for row in sorted(found, key=lambda row: row.revoked_at is not None)
    ]


def counts(institutions: QuerySet[Institution]) -> list[Tally]:
    """Institutions with documents or programs, by code."""
    clients = Client.objects.filter(institution__in=institutions)
    programs = _counted(clients.filter(revoked_at=None))
    prescribed = _counted(EPrescription.objects.filter(institution__in=institutions))
    dispensed = _counted(Dispensing.objects.filter(institution__in=institutions))
    rows = [
        Tally(
            f"{row.short_name} {row.code}", prescribed.get(row.pk, 0), dispensed.get(row.pk, 0), programs.get(row.pk, 0)
        )
        for row in institutions.filter(pk__in={*prescribed, *dispensed, *_counted(clients)})
    ]
    return sorted(rows, key=lambda row: row.institution)


def _counted(rows: QuerySet[Any]) -> dict[int, int]:
    return dict(rows.values_list("institution").annotate(n=Count("pk")))


def _prescription(row: EPrescription) -> Document:
    states = refills.states(row)
    done = sum(state.is_dispensed for state in states)
    key = "cancelled" if any(state.is_cancelled for state in states) else "dispensed"
    return Document(
        _moment(row.recorded_at),
        row.number,
        _kind(row.kind),
        _day(row.valid_until),
        text(f"eprescriptions.state.{key}", done=done, of=len(states)),
        "",
    )


def _kind(code: str) -> str:
    kind = kinds()[code]
    return f"{code} {kind.en if (translation.get_language() or '').startswith('en') else kind.zh}"


def _day(day: date) -> str:
    return f"{day.year - rocdate.YEAR_BEFORE_FIRST}/{day:%m/%d}"


def _moment(at: datetime) -> str:
    return f"{_day(at.date())} {at:%H:%M}"
