"""Images as the pages show them, the patient masked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import polars as pl
from django.utils import translation

from nhicard.formats import rocdate
from nhicard.identity import national_id
from nhicard.insurer.intake.models import Order, Visit
from nhicard.insurer.portal.texts import text
from nhicard.insurer.prescriptions.models import Judgement, Outcome, QrImage
from nhicard.prescriptions import Prescription, Reason
from nhicard.prescriptions.payload import masked_physician
from nhicard.prescriptions.tables import fields, kinds

_MARKS: Final = {Outcome.VERIFIED: "✓", Outcome.WAITING: "…", Outcome.DOUBTFUL: "?", Outcome.REFUSED: "✕"}


@dataclass(frozen=True, slots=True)
class Row:
    """An image in the list and at the head of its own page."""

    number: int
    institution: str
    recorded_at: str
    visit_date: str
    kind: str
    outcome: str
    outcome_name: str
    mark: str


@dataclass(frozen=True, slots=True)
class Why:
    """A reason and what to do about it."""

    sentence: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Step:
    """A judgement in the image's history."""

    at: str
    outcome: str
    outcome_name: str
    by: str
    remark: str


def row(image: QrImage, outcome: str) -> Row:
    """The image for people."""
    told = _prescription(image)
    return Row(
        number=image.pk,
        institution=f"{image.institution.short_name} {image.institution.code}",
        recorded_at=_moment(image.recorded_at),
        visit_date=_day(told.header["visit_date"]) if told else "",
        kind=_kind(told.header["kind"]) if told else "",
        outcome=outcome,
        outcome_name=text(f"prescriptions.outcome.{outcome}"),
        mark=_MARKS[Outcome(outcome)],
    )


def reasons(judgement: Judgement | None) -> list[Why]:
    """Why the image is not simply verified."""
    return [why(Reason(code, facts)) for code, facts in (judgement.reasons if judgement else [])]


def why(reason: Reason) -> Why:
    """One reason in the language of the request."""
    return Why(reason.sentence(_language()), reason.remedy(_language()))


def steps(image: QrImage) -> list[Step]:
    """All judgements, the latest first."""
    found = image.judgements.order_by("-number").select_related("decided_by")
    return [
        Step(
            _moment(each.as_of),
            each.outcome,
            text(f"prescriptions.outcome.{each.outcome}"),
            text("prescriptions.by.division") if each.decided_by else text("prescriptions.by.machine"),
            each.remark,
        )
        for each in found
    ]


def facts(image: QrImage) -> list[tuple[str, str]]:
    """What the codes say of visit and patient, masked; names of fields in the language of the request."""
    told = _prescription(image)
    if told is None:
        return []
    shown = ((field, _shown(field.name, told.header)) for field in fields("header"))
    return [(_name(field), value) for field, value in shown if value]


def uploaded(visit: Visit) -> list[tuple[str, str]]:
    """The visit that the image was compared with, masked."""
    day = _day(f"{visit.visit_date:%Y%m%d}") if visit.visit_date else ""
    told = {
        "institution": visit.institution,
        "patient_id": _masked_id(visit.patient_id),
        "visit_date": day,
        "physician_id": masked_physician(visit.staff_id),
        "visit_identifier": visit.identifier,
    }
    return [(_name(field), told[field.name]) for field in fields("header") if field.name in told]


def uploaded_orders(visit: Visit) -> list[Mapping[str, str]]:
    """Its orders, under the names of a prescription's."""
    found = Order.objects.filter(submission_id=visit.submission_id, record=visit.record).order_by("order")
    sources = {"code": "D06", "usage": "D08", "route": "D14", "days": "D09", "total": "D10"}
    rows = (json.loads(each) for each in found.values_list("fields", flat=True))
    return [
        {"number": str(n), **{name: row.get(field) or "" for name, field in sources.items()}}
        for n, row in enumerate(rows, 1)
    ]


def orders(image: QrImage) -> list[Mapping[str, str]]:
    """The orders."""
    told = _prescription(image)
    return list(told.orders) if told else []


def _shown(name: str, header: Mapping[str, str]) -> str:
    value = header[name]
    return _HOW[name](value) if value and name in _HOW else value


def _masked_id(value: str) -> str:
    return str(pl.select(national_id.mask(pl.lit(value))).item())


def masked_name(value: str) -> str:
    """The first character, and a circle for each other."""
    return value[:1] + "○" * (len(value) - 1)


def _kind(code: str) -> str:
    kind = kinds()[code]
    return kind.en if _language() == "en" else kind.zh


def _day(value: str) -> str:
    return f"{int(value[:4]) - rocdate.YEAR_BEFORE_FIRST}/{value[4:6]}/{value[6:8]}"


def _signed(value: str) -> str:
    return f"{_day(value[:8])} {value[8:10]}:{value[10:12]}"


_HOW: Final[Mapping[str, Any]] = {
    "patient_id": _masked_id,
    "patient_name": masked_name,
    "birth_date": lambda value: f"{int(value[:4]) - rocdate.YEAR_BEFORE_FIRST}/**/**",
    "physician_name": masked_name,
    "visit_date": _day,
    "signed_at": _signed,
    "kind": lambda value: f"{value} {_kind(value)}",
}


def _name(field: Any) -> str:
    return str(field.en if _language() == "en" else field.zh)


def _moment(at: datetime) -> str:
    return f"{_day(f'{at:%Y%m%d}')} {at:%H:%M}"


def _language() -> str:
    return "en" if (translation.get_language() or "").startswith("en") else "zh"


def _prescription(image: QrImage) -> Prescription | None:
    return Prescription.of_text(image.text) if image.text else None
