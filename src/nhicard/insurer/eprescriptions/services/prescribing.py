"""Taking in a prescription."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime

from django.db import IntegrityError, transaction

from nhicard.insurer.eprescriptions import facts, profile
from nhicard.insurer.eprescriptions.document import Document
from nhicard.insurer.eprescriptions.models import EPrescription
from nhicard.insurer.eprescriptions.problems import Problem, Refused
from nhicard.insurer.eprescriptions.services import auditing, codes
from nhicard.insurer.eprescriptions.services.tokens import Caller


@dataclass(frozen=True, slots=True)
class Taken:
    """A prescription that is on record; ``is_new`` where this upload put it there."""

    prescription: EPrescription
    access_code: str
    is_new: bool


def prescribe(document: Document, caller: Caller, now: datetime) -> Taken:
    """Keep the prescription and give its access code; the same content again is the same one. Raises Refused."""
    if found := _same(document, caller):
        return found
    profile.require(document, "EP")
    told = facts.prescribed(document)
    if told.institution != caller.institution.code:
        raise Refused(Problem("other-institution", "Bundle.entry.resource.ofType(Organization).identifier"))
    if told.valid_until < now.date():
        raise Refused(Problem("validity"))
    code = codes.made(caller.institution.code, document.digest)
    said = {name: value for name, value in asdict(told).items() if name != "institution"}
    try:
        with transaction.atomic():
            row = EPrescription(
                institution=caller.institution,
                client=caller.client,
                actor=caller.actor,
                recorded_at=now,
                digest=document.digest,
                code_digest=codes.hashed(code),
                content=document.text,
                **said,
            )
            row.save()
            auditing.record(caller, "prescribed", str(row.key), now, {"kind": row.kind})
    except IntegrityError:  # of the same content or number; another upload was faster
        if found := _same(document, caller):
            return found
        raise Refused(Problem("number-used")) from None
    return Taken(row, code, True)


def _same(document: Document, caller: Caller) -> Taken | None:
    row = EPrescription.objects.filter(institution=caller.institution, digest=document.digest).first()
    if row is None:
        return None
    try:
        code = codes.again(caller.institution.code, row.digest, row.code_digest)
    except LookupError:
        raise Refused(Problem("code-lost")) from None
    return Taken(row, code, False)
