"""Virtual cards in the data centre's tables and visits in the uploads', a row each."""

from __future__ import annotations

import itertools
from datetime import date, datetime
from typing import Any

from nhicard.insurer.datacentre.models import TelemedicineRequest, Treatment, VirtualCardSession
from nhicard.insurer.intake.models import Order, Submission, Visit
from nhicard.insurer.registry.models import HealthCard, Institution, InsuredPerson, SecurityModule

_numbers = itertools.count(1)


def card(issued: date = date(2026, 1, 5), **facts: Any) -> HealthCard:
    """A citizen's virtual card."""
    number = next(_numbers)
    person = InsuredPerson.objects.create(id_no=f"A{number:09d}", birthday=date(1990, 1, 1), sex="M")
    told = {"is_virtual": True, "issued_on": issued, "valid_until": date(2030, 1, 1)} | facts
    return HealthCard.objects.create(number=f"V{number:011d}", certificate="", person=person, **told)


def sam_of(institution: Institution) -> SecurityModule:
    """Its SAM."""
    return SecurityModule.objects.get_or_create(
        institution=institution,
        is_cloud=False,
        defaults={"number": f"S{next(_numbers):011d}", "certificate": "", "issued_on": date(2026, 1, 1)},
    )[0]


def read(of: HealthCard, institution: Institution, at: datetime) -> VirtualCardSession:
    """The card is read in the institution."""
    return VirtualCardSession.objects.create(card=of, sam=sam_of(institution), secret=b"", began_at=at)


def tap(of: HealthCard, institution: Institution, at: datetime, **facts: Any) -> Treatment:
    """A visit is made with the card."""
    return Treatment.objects.create(
        patient_id=of.person.id_no, card=of, institution=institution, sam=sam_of(institution), time=at, **facts
    )


def video(institution: Institution, at: datetime, agreed: bool | None) -> TelemedicineRequest:
    """A wish to see a patient by video."""
    return TelemedicineRequest.objects.create(
        access_token=f"t{next(_numbers)}", patient_id="A000000001", institution=institution, asked_at=at, agreed=agreed
    )


def visit(institution: Institution, day: date, *orders: str, **facts: Any) -> Visit:
    """A visit in an upload, accepted and real unless ``facts`` say otherwise."""
    number = next(_numbers)
    at = datetime.combine(day, datetime.min.time())
    submission = Submission.objects.create(
        receipt=f"r{number}",
        institution=institution.code,
        channel="web",
        kind="A1",
        content_hash=number.to_bytes(32, "big"),
        size=1,
        received_at=at,
    )
    told: dict[str, Any] = dict.fromkeys(
        ("data_type", "upload_kind", "patient_id", "staff_id", "visit_time", "identifier", "original_identifier"), ""
    ) | dict.fromkeys(("original_institution", "actual_identifier", "fields"), "")
    told |= {"edition": "2.0", "is_precheck": False, "channel": "web", "state": "accepted", "category": "01"}
    told |= {"sequence": "0001", "key": f"k{number}", "institution": institution.code, "received_at": at}
    told |= {"visit_date": day, "visit_month": day.replace(day=1)} | facts
    made = Visit.objects.create(submission=submission, record=1, **told)
    for place, code in enumerate(orders, 1):
        row = {"order": place, "code": code, "fields": "{}", "visit_month": made.visit_month}
        Order.objects.create(submission=submission, record=1, **row)
    return made
