"""Adding to the audit log, and finding where it was tampered with."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db import transaction

from nhicard.insurer.audit.models import Entry, Head, Verification

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


@dataclass(frozen=True, slots=True)
class Walked:
    """How far the chain is whole, the seal there, and the first entry that is missing, changed or out of place."""

    number: int
    seal: str
    broken: int | None


def walk(known: Mapping[int, str] | None = None) -> Walked:
    """Walk along the whole chain. ``known``: seals by number that were noted before and must still be there.

    Who can write everything in the database can also write a chain that is whole in itself; what is known from
    outside it cannot be met then. Nobody waits meanwhile: entries go on being added.
    """
    head = Head.objects.filter(pk=_ONLY).first()
    expected = {at: {noted} for at, noted in (known or {}).items()}
    if head and head.number:
        expected.setdefault(head.number, set()).add(head.seal)
    before, number = _START, 0
    for entry in Entry.objects.order_by("number").iterator(chunk_size=_AT_ONCE):
        is_expected = expected.pop(number + 1, {entry.seal}) == {entry.seal}
        if entry.number != number + 1 or entry.seal != seal(before, entry) or not is_expected:
            return Walked(number, before, number + 1)
        before, number = entry.seal, entry.number
    # entries may have been added since the walk began, never past the head
    end = Head.objects.filter(pk=_ONLY).first()
    is_whole = not expected and number <= (end.number if end else 0)
    return Walked(number, before, None if is_whole else number + 1)


def verify(now: datetime, known: Mapping[int, str] | None = None) -> Walked:
    """Walk along the chain, past what earlier verifications saw too, and keep what was found."""
    seen = dict(Verification.objects.filter(broken=None, number__gt=0).values_list("number", "seal"))
    walked = walk(seen | dict(known or {}))
    Verification.objects.create(at=now, number=walked.number, seal=walked.seal, broken=walked.broken)
    return walked
