"""Cancelling a prescription (註銷)."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from nhicard.insurer.eprescriptions.models import Cancellation, EPrescription
from nhicard.insurer.eprescriptions.problems import Problem, Refused
from nhicard.insurer.eprescriptions.services import auditing, refills
from nhicard.insurer.eprescriptions.services.dispensing import locked
from nhicard.insurer.eprescriptions.services.tokens import Caller


def cancel(access_code: str, caller: Caller, now: datetime) -> EPrescription:
    """Cancel what is not dispensed; again is the same. Raises Refused.

    Only the institution that prescribed it can; to others it is unknown.
    """
    with transaction.atomic():
        prescription = locked(access_code)
        if prescription.institution_id != caller.institution.pk:
            raise Refused(Problem("not-found"))
        if hasattr(prescription, "cancellation"):
            return prescription
        if all(state.is_dispensed for state in refills.states(prescription)):
            raise Refused(Problem("all-dispensed"))
        refills.cancel(prescription)
        Cancellation(
            institution=caller.institution,
            client=caller.client,
            actor=caller.actor,
            recorded_at=now,
            prescription=prescription,
        ).save()
        auditing.record(caller, "cancelled", str(prescription.key), now)
    return EPrescription.objects.get(pk=prescription.pk)
