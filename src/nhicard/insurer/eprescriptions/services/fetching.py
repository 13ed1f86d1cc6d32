"""Handing out what is on record."""

from __future__ import annotations

import hmac
import json
from datetime import datetime
from uuid import UUID

from django.db import transaction

from nhicard.insurer.eprescriptions.models import Dispensing, EPrescription
from nhicard.insurer.eprescriptions.problems import Problem, Refused
from nhicard.insurer.eprescriptions.services import auditing, codes
from nhicard.insurer.eprescriptions.services.tokens import Caller


@transaction.atomic
def by_code(access_code: str, caller: Caller, now: datetime) -> EPrescription:
    """The prescription that the code opens. Raises Refused (404)."""
    found = EPrescription.objects.filter(code_digest=codes.hashed(access_code)).first()
    if found is None:
        raise Refused(Problem("not-found"))
    auditing.record(caller, "fetched", str(found.key), now)
    return found


@transaction.atomic
def by_key(key: UUID, access_code: str, caller: Caller, now: datetime) -> EPrescription | Dispensing:
    """The document with this id, for the institution that sent it or whoever has the code. Raises Refused (404)."""
    prescription = EPrescription.objects.filter(key=key).first()
    if prescription is not None and _opens(access_code, prescription, caller):
        auditing.record(caller, "fetched", str(key), now)
        return prescription
    sheet = Dispensing.objects.filter(key=key, institution=caller.institution).select_related("prescription").first()
    if sheet is None:
        raise Refused(Problem("not-found"))
    auditing.record(caller, "fetched", str(sheet.prescription.key), now, {"sheet": str(key)})
    return sheet


def content(document: EPrescription | Dispensing) -> str:
    """The Bundle as sent; of a cancelled prescription the orders' status is ``cancelled``."""
    if not hasattr(document, "cancellation"):
        return document.content
    bundle = json.loads(document.content)
    for entry in bundle["entry"]:
        if entry["resource"]["resourceType"] == "MedicationRequest":
            entry["resource"]["status"] = "cancelled"
    return json.dumps(bundle, ensure_ascii=False)


def _opens(access_code: str, prescription: EPrescription, caller: Caller) -> bool:
    if prescription.institution_id == caller.institution.pk:
        return True
    return hmac.compare_digest(codes.hashed(access_code), prescription.code_digest)
