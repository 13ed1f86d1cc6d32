"""Taking a claim file in: durable first, the same file once."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Max

from nhicard.insurer.accounts.models import User
from nhicard.insurer.claims import archives, heads
from nhicard.insurer.claims.heads import NoClaim
from nhicard.insurer.claims.models import WAITING, ClaimFile, ClaimFinding, Content, Meaning, State
from nhicard.insurer.claims.services import months
from nhicard.insurer.intake.limits import LARGEST_UPLOAD
from nhicard.insurer.intake.services.receiving import packed, unpacked
from nhicard.insurer.registry.models import Institution


@dataclass(frozen=True, slots=True)
class Received:
    """The file, and whether it is new; ``again``: known, and put back into the queue."""

    file: ClaimFile
    is_new: bool
    again: bool = False


def receive(institution: Institution, name: str, content: bytes, user: User, now: datetime) -> Received:
    """Keep a claim file, plain XML or a ZIP of the official name; when this returns it is on disk.

    One that was not accepted as a whole, or that another one has replaced since, is checked again when it is sent
    anew: visits that were missing may be on record by now. Raises NoClaim; nothing is kept then.
    """
    if len(content) > LARGEST_UPLOAD:
        raise NoClaim("too_large")
    is_archive = archives.is_archive(content)
    xml = archives.unpacked(content) if is_archive else content
    told = heads.head(xml)
    if told.institution != institution.code:
        raise NoClaim("other_institution")
    if is_archive:
        archives.require_name(name, told)
    digest, kept, now = hashlib.sha256(xml).hexdigest(), packed(xml), now.replace(microsecond=0)
    with transaction.atomic():
        month = months.locked(institution, told, now)
        turn = (month.files.aggregate(last=Max("turn"))["last"] or 0) + 1
        known = ClaimFile.objects.filter(institution=institution, digest=digest).first()  # the month is held
        if known:
            if not _is_worth_another_check(known, turn - 1):
                return Received(known, is_new=False)
            _reopen(known, turn, user, now)
            months.add_step(month, known, State.RECEIVED, now, evidence={"again": True})
            return Received(known, is_new=False, again=True)
        file = ClaimFile.objects.create(
            month=month,
            institution=institution,
            digest=digest,
            size=len(xml),
            turn=turn,
            received_at=now,
            sent_by=user,
        )
        Content.objects.create(file=file, content=kept)
        months.add_step(month, file, State.RECEIVED, now, evidence={"size": file.size})
    return Received(file, is_new=True)


def content_of(file: ClaimFile) -> bytes:
    """The XML as it came."""
    return unpacked(bytes(Content.objects.get(file=file).content), file.size)


def _is_worth_another_check(file: ClaimFile, last_turn: int) -> bool:
    if file.state in WAITING:
        return False
    return file.state == State.SET_ASIDE or bool(file.rejected) or not file.accepted or file.turn < last_turn


def _reopen(file: ClaimFile, turn: int, user: User, now: datetime) -> None:
    for rows in (ClaimFinding, Meaning):
        rows.objects.filter(file=file).delete()
    file.state, file.turn, file.received_at, file.sent_by = State.RECEIVED, turn, now, user
    file.tries, file.claim, file.claimed_until, file.trouble, file.checked_at = 0, "", None, "", None
    file.save()
