"""An image's prescription beside the visit that the institution uploaded in format 2.0."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from cryptography import x509

from nhicard.identity import certificates
from nhicard.insurer.intake.models import Order, Visit, VisitState
from nhicard.insurer.registry.authority import authority
from nhicard.insurer.registry.models import Institution, StaffCard
from nhicard.prescriptions import Prescription, Reason, Signed, origin


def judged(signed: Signed, institution: Institution, now: datetime) -> tuple[list[Reason], Visit | None]:
    """What speaks against the prescription, and the visit that it belongs to."""
    verdict = origin(signed, authority().root, now, _revoked(signed))
    if verdict.reasons:
        return list(verdict.reasons), None
    header = signed.prescription.header
    if header["institution"] != institution.code:
        return [Reason("other_institution")], None
    visit = _visit(institution, header["visit_identifier"])
    if visit is None:
        return [Reason("visit_unknown")], None
    return list(_differences(signed, visit)), visit


def _visit(institution: Institution, identifier: str) -> Visit | None:
    """The visit in force with the identifier, for real rather than a pre-check."""
    return (
        Visit.objects.filter(
            identifier=identifier, institution=institution.code, edition="2.0", state=VisitState.ACCEPTED
        )
        .exclude(identifier="")
        .order_by("is_precheck", "-pk")
        .first()
    )


def _differences(signed: Signed, visit: Visit) -> Iterator[Reason]:
    prescription = signed.prescription
    if prescription.header["patient_id"] != visit.patient_id.strip():
        yield Reason("patient_differs")
        return
    if prescription.visit_date != visit.visit_date:
        yield Reason("date_differs")
    if certificates.subject_of(signed.certificate).person != visit.staff_id.strip():
        yield Reason("physician_differs")
    fields = Order.objects.filter(submission_id=visit.submission_id, record=visit.record).values_list(
        "fields", flat=True
    )
    if lacking := _lacking(prescription, [json.loads(each) for each in fields]):
        yield Reason("orders_differ", {"codes": "、".join(sorted(lacking))})


def _lacking(prescription: Prescription, uploaded: Iterable[dict[str, Any]]) -> set[str]:
    """Codes of orders of the prescription that the visit does not have with the same usage, days and total."""
    known = Counter(_key(*(each.get(name) for name in ("D06", "D08", "D09", "D10"))) for each in uploaded)
    told = Counter(_key(*(each[name] for name in ("code", "usage", "days", "total"))) for each in prescription.orders)
    return {key[0] for key in told - known}


def _key(code: str | None, usage: str | None, days: str | None, total: str | None) -> tuple[str, str, float, float]:
    return (code or "").strip(), (usage or "").strip(), _number(days), _number(total)


def _number(text: str | None) -> float:
    try:
        return float(text or 0)
    except ValueError:
        return -1.0


def _revoked(signed: Signed) -> frozenset[int]:
    """The certificate's serial number, where its card was revoked when it is said to have signed."""
    try:
        number = certificates.subject_of(signed.certificate).number
    except ValueError:
        return frozenset()
    card = StaffCard.objects.filter(number=number).first()
    if card is None or not card.is_revoked(signed.prescription.signed_at):
        return frozenset()
    return frozenset({x509.load_pem_x509_certificate(card.certificate.encode()).serial_number})
