"""Recording that a prescription, or one refill of it, was dispensed."""

from __future__ import annotations

import hmac
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from nhicard.insurer.eprescriptions import facts, profile
from nhicard.insurer.eprescriptions.document import Document
from nhicard.insurer.eprescriptions.facts import Dispensed
from nhicard.insurer.eprescriptions.models import Dispensing, EPrescription
from nhicard.insurer.eprescriptions.problems import Problem, Refused
from nhicard.insurer.eprescriptions.services import auditing, codes, refills
from nhicard.insurer.eprescriptions.services.tokens import Caller
from nhicard.prescriptions.tables import kinds


@dataclass(frozen=True, slots=True)
class Recorded:
    """A dispensing that is on record; ``is_new`` where this sheet put it there; ``notes`` are no refusals."""

    dispensing: Dispensing
    is_new: bool
    notes: tuple[Problem, ...] = ()


def dispense(document: Document, caller: Caller, now: datetime) -> Recorded:
    """Keep the sheet and take the refill; the same sheet again is the same dispensing. Raises Refused.

    The access code in the sheet opens the prescription: whoever has no right one is told that there is none.
    """
    profile.require(document, "DS")
    told = facts.dispensed(document)
    if told.custodian != caller.institution.code:
        raise Refused(Problem("other-institution", "Bundle.entry[0].resource.custodian"))
    with transaction.atomic():
        prescription = locked(told.access_code)
        before = Dispensing.objects.filter(
            prescription=prescription, institution=caller.institution, digest=document.digest
        ).first()
        if before is not None:
            return Recorded(before, False)
        if problems := [*_differences(told, prescription), *_obstacles(told, prescription, now)]:
            raise Refused(*problems)
        refills.take(prescription, told.refill, caller.institution.code, told.visit_identifier)
        row = Dispensing(
            institution=caller.institution,
            client=caller.client,
            actor=caller.actor,
            recorded_at=now,
            prescription=prescription,
            digest=document.digest,
            number=told.refill,
            visit_identifier=told.visit_identifier,
            content=document.text,
        )
        row.save()
        auditing.record(caller, "dispensed", str(prescription.key), now, {"number": row.number, "sheet": str(row.key)})
    return Recorded(row, True, tuple(_notes(prescription, told.refill, now)))


def locked(access_code: str) -> EPrescription:
    """The prescription that the code opens; nobody else dispenses or cancels it before this transaction ends.

    Raises Refused (404).
    """
    found = EPrescription.objects.select_for_update().filter(code_digest=codes.hashed(access_code)).first()
    if found is None:
        raise Refused(Problem("not-found"))
    return found


def _differences(told: Dispensed, prescription: EPrescription) -> Iterator[Problem]:
    """Where the sheet is not about this prescription."""
    pairs = (
        (told.number, prescription.number, "處方箋單號", "prescription number"),
        (told.kind, prescription.kind, "處方種類", "kind"),
        (told.patient_id, prescription.patient_id, "病人", "patient"),
        (told.original_visit_identifier, prescription.visit_identifier, "原就醫識別碼", "original visit identifier"),
    )
    for said, known, zh, en in pairs:
        if not hmac.compare_digest(said.encode(), known.encode()):
            yield Problem("differs", values={"zh": zh, "en": en})
    if prescription.institution.code not in told.institutions:
        yield Problem("differs", values={"zh": "開立機構", "en": "prescribing institution"})


def _obstacles(told: Dispensed, prescription: EPrescription, now: datetime) -> Iterator[Problem]:
    """Why it may not be dispensed now."""
    states = refills.states(prescription)
    if told.refill > len(states):
        yield Problem("beyond", values={"most": len(states)})
        return
    wanted = states[told.refill - 1]
    waiting = next((state.number for state in states if state.is_open), told.refill)
    own = wanted.identifier == told.visit_identifier != ""  # uploaded before as a visit: the same dispensing
    if wanted.is_dispensed and not own:
        yield Problem("dispensed")
    elif wanted.is_cancelled:
        yield Problem("cancelled")
    elif waiting < told.refill:
        yield Problem("out-of-order", values={"next": waiting})
    if now.date() > prescription.valid_until:
        yield Problem("expired", values={"until": prescription.valid_until.isoformat()})
    if now.date() < prescription.valid_from:
        yield Problem("not-yet", values={"since": prescription.valid_from.isoformat()})


def _notes(prescription: EPrescription, number: int, now: datetime) -> Iterator[Problem]:
    early = kinds()[prescription.kind].early_days
    if early is not None and number > 1:
        since = prescription.prescribed_on + timedelta(days=prescription.days * (number - 1) - early)
        if now.date() < since:
            yield Problem("early", values={"since": since.isoformat()})
