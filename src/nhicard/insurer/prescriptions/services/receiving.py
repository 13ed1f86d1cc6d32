"""Taking an image in, and judging it: by the codes on it and the visits on file, or by the division."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from django.db import transaction

from nhicard.insurer.accounts.models import User
from nhicard.insurer.audit import chain
from nhicard.insurer.intake.models import Visit
from nhicard.insurer.prescriptions.models import Judgement, Outcome, QrImage
from nhicard.insurer.prescriptions.services import comparing, files
from nhicard.insurer.registry.models import Institution, Kind
from nhicard.prescriptions import Reason, Signed, reading
from nhicard.prescriptions.reasons import Refused

#: Who prescribes, and so may upload.
PRESCRIBING: Final = (Kind.HOSPITAL, Kind.CLINIC)
#: The heaviest weight among the reasons says what becomes of the image.
_OUTCOMES: Final = {
    "refuse": Outcome.REFUSED,
    "wait": Outcome.WAITING,
    "doubt": Outcome.DOUBTFUL,
    "note": Outcome.VERIFIED,
}
_LONGEST_REMARK: Final = 500


class NotDoubtful(Exception):
    """The image does not wait for a division, or no more."""


class NoReason(Exception):
    """A refusal without a reason."""


def receive(institution: Institution, content: bytes, user: User, now: datetime) -> tuple[QrImage, bool]:
    """Keep and judge an image; the same one again is judged anew where it was not settled. Returns whether it is new.

    Raises Refused, and nothing is kept, where no prescription can be read from the file; OSError.
    """
    kind, digest = reading.kind_of(content), hashlib.sha256(content).hexdigest()
    now = now.replace(microsecond=0)
    signed, reasons = _read(content)
    files.keep(digest, content)
    with transaction.atomic():
        locked = Institution.objects.select_for_update().get(pk=institution.pk)  # the same image twice at once is one
        image = QrImage.objects.filter(institution=locked, digest=digest).first()
        is_new = image is None
        if image is None:
            image = QrImage(
                institution=locked,
                digest=digest,
                kind=kind,
                size=len(content),
                text=signed.prescription.text() if signed else "",
                recorded_at=now,
                recorded_by=user,
            )
            image.save()
        last = latest(image)
        if last is None or (last.outcome != Outcome.VERIFIED and last.decided_by is None):
            found, visit = comparing.judged(signed, locked, now) if signed else (reasons, None)
            outcome = outcome_of(found)
            if last is None or (last.outcome, last.reasons) != (outcome, _told(found)):
                _add(image, outcome, found, visit, now)
        _record(image, user, now, "qr-image.sent", {"size": len(content), "new": is_new})
    return image, is_new


@transaction.atomic
def decide(image: QrImage, *, confirmed: bool, remark: str, user: User, now: datetime) -> Judgement:
    """A division's word on a doubtful image. Raises NotDoubtful, NoReason (a refusal needs one)."""
    Institution.objects.select_for_update().get(pk=image.institution_id)
    last = latest(image)
    if last is None or last.outcome != Outcome.DOUBTFUL:
        raise NotDoubtful
    remark = remark.strip()[:_LONGEST_REMARK]
    if not confirmed and not remark:
        raise NoReason
    outcome = Outcome.VERIFIED if confirmed else Outcome.REFUSED
    _record(image, user, now, "qr-image.confirmed" if confirmed else "qr-image.refused", {"remark": remark})
    reasons = [Reason(code, facts) for code, facts in last.reasons]
    return _add(image, outcome, reasons, last.visit, now.replace(microsecond=0), user, remark)


def latest(image: QrImage) -> Judgement | None:
    """The judgement that counts."""
    return image.judgements.order_by("-number").first()


def outcome_of(reasons: Sequence[Reason]) -> Outcome:
    """What becomes of an image with these reasons."""
    weights = {reason.weight for reason in reasons}
    return next((outcome for weight, outcome in _OUTCOMES.items() if weight in weights), Outcome.VERIFIED)


def _read(content: bytes) -> tuple[Signed | None, list[Reason]]:
    """What the codes hold; codes that are there but do not fit together are kept as a refusal. Raises Refused."""
    try:
        return reading.read([content]), []
    except Refused as refusal:
        if refusal.reason.weight == "unusable":
            raise
        return None, [refusal.reason]


def _add(
    image: QrImage,
    outcome: str,
    reasons: Sequence[Reason],
    visit: Visit | None,
    now: datetime,
    user: User | None = None,
    remark: str = "",
) -> Judgement:
    judgement = Judgement(
        image=image,
        number=image.judgements.count() + 1,
        outcome=outcome,
        reasons=_told(reasons),
        visit=visit,
        as_of=now,
        decided_by=user,
        remark=remark,
    )
    judgement.save()
    return judgement


def _told(reasons: Sequence[Reason]) -> list[list[Any]]:
    """As they are kept."""
    return [[reason.code, reason.facts] for reason in reasons]


def _record(image: QrImage, user: User, now: datetime, action: str, facts: dict[str, object]) -> None:
    chain.record(
        at=now,
        actor=user.username,
        role=user.role,
        action=action,
        subject=f"qr-image {image.pk}",
        institution=image.institution.code,
        facts=facts,
    )
