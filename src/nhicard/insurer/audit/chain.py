"""Adding to the audit log, and finding where it was tampered with."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from django.db import transaction

from nhicard.insurer.audit.models import Entry, Head

_START: Final = "0" * 64
_ONLY: Final = 1
_AT_ONCE: Final = 2000


@transaction.atomic
def record(
    *,
    at: datetime,
    actor: str,
    action: str,
    subject: str,
    role: str = "",
    institution: str = "",
    facts: Mapping[str, Any] | None = None,
) -> Entry:
    """Add an entry, within the caller's transaction: what is not audited does not happen, and the other way round."""
    Head.objects.bulk_create([Head(pk=_ONLY, number=0, seal=_START)], ignore_conflicts=True)
    head = Head.objects.select_for_update().get(pk=_ONLY)
    entry = Entry(
        number=head.number + 1,
        at=at.replace(microsecond=0),
        actor=actor,
        role=role,
        action=action,
        subject=subject,
        institution=institution,
        facts=dict(facts or {}),
    )
    entry.seal = seal(head.seal, entry)
    entry.save(force_insert=True)
    head.number, head.seal = entry.number, entry.seal
    head.save(update_fields=["number", "seal"])
    return entry


def seal(before: str, entry: Entry) -> str:
    """The seal of an entry that follows on the one with the seal ``before``."""
    told = [
        before,
        entry.number,
        entry.at.isoformat(),
        entry.actor,
        entry.role,
        entry.action,
        entry.subject,
        entry.institution,
        entry.facts,
    ]
    return hashlib.sha256(json.dumps(told, ensure_ascii=False, sort_keys=True).encode()).hexdigest()


def first_broken() -> int | None:
    """The number of the first entry that is missing, changed or out of place; None where the chain is whole."""
    before, number = _START, 0
    for entry in Entry.objects.order_by("number").iterator(chunk_size=_AT_ONCE):
        if entry.number != number + 1 or entry.seal != seal(before, entry):
            return number + 1
        before, number = entry.seal, entry.number
    head = Head.objects.filter(pk=_ONLY).first()
    if (head.number, head.seal) != (number, before) if head else number:
        return number + 1
    return None
