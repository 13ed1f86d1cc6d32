"""What the services need of a document that keeps its profile."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from nhicard.insurer.eprescriptions import invariants
from nhicard.insurer.eprescriptions.document import Document


@dataclass(frozen=True, slots=True)
class Prescribed:
    """A prescription. ``days``: of supply a dispensing."""

    institution: str
    number: str
    kind: str
    visit_identifier: str
    patient_id: str
    dispensings: int
    days: int
    prescribed_on: date
    valid_from: date
    valid_until: date


@dataclass(frozen=True, slots=True)
class Dispensed:
    """A dispensing sheet. ``institutions``: all that it names; ``custodian``: the one that keeps it, the dispenser."""

    access_code: str
    number: str
    kind: str
    refill: int
    visit_identifier: str
    original_visit_identifier: str
    patient_id: str
    custodian: str
    institutions: frozenset[str]


def prescribed(document: Document) -> Prescribed:
    """The facts of a prescription (EP)."""
    supplies = document.values(f"{invariants.ORDER}.dispenseRequest.expectedSupplyDuration.value")
    return Prescribed(
        institution=document.first("Organization.identifier.value"),
        number=document.first(invariants.NUMBER),
        kind=document.first(invariants.KIND),
        visit_identifier=document.first(invariants.VISIT),
        patient_id=document.first("Patient.identifier.value"),
        dispensings=int(document.first(invariants.REPEATS)),
        days=max(map(int, supplies), default=0),
        prescribed_on=_day(document, invariants.VISIT_DATE),
        valid_from=_day(document, invariants.VALID_FROM),
        valid_until=_day(document, invariants.VALID_UNTIL),
    )


def dispensed(document: Document) -> Dispensed:
    """The facts of a dispensing sheet (DS)."""
    return Dispensed(
        access_code=document.first(invariants.ACCESS_CODE),
        number=document.first(invariants.NUMBER),
        kind=document.first(invariants.KIND),
        refill=int(document.first(invariants.REFILL) or 1),
        visit_identifier=document.first(invariants.VISIT),
        original_visit_identifier=document.first(invariants.ORIGINAL_VISIT),
        patient_id=document.first("Patient.identifier.value"),
        custodian=_custodian(document),
        institutions=frozenset(document.values("Organization.identifier.value")),
    )


def _custodian(document: Document) -> str:
    """The code of the organization that the Composition names as custodian; empty where it is no organization."""
    target = document.first("Composition.custodian.reference")
    for entry in document.bundle["entry"]:
        resource = entry["resource"]
        names = {str(entry.get("fullUrl", "")), f"{resource['resourceType']}/{resource.get('id', '')}"}
        if target in names and resource["resourceType"] == "Organization":
            return str(resource["identifier"][0]["value"])
    return ""


def _day(document: Document, path: str) -> date:
    found = invariants.day(document.first(path))
    assert found is not None  # the profile was kept
    return found
