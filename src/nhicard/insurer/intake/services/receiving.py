"""Taking an upload in: durable first, the same upload once."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import pyarrow as pa
from django.db import IntegrityError, transaction

from nhicard.insurer.intake.kinds import KINDS, Channel
from nhicard.insurer.intake.models import Finding, Order, Payload, SignatureUse, State, Submission, Visit
from nhicard.insurer.intake.return_codes import OTHER, Returned
from nhicard.insurer.intake.services import turns
from nhicard.insurer.secrecy import payloads

_CODEC: Final = "zstd"
_BASE36: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_ATTEMPTS: Final = 8


class SignatureUsedBefore(Exception):
    """The signature came before with other content: somebody else's, or a program that must fetch a new one."""


class QueueIsFull(Returned):
    """No new pre-check is taken for now; real uploads are. The wire has no code of its own for it."""

    def __init__(self, detail: str) -> None:
        super().__init__(OTHER, detail)


_LATE: Final = (
    "檢核佇列忙碌，預檢暫停收件，請於 15 分鐘後再傳；正式上傳不受影響 "
    "the queue is late: no new pre-checks for now, send it again in 15 minutes; real uploads are taken"
)
_AHEAD: Final = (
    "貴院所待檢核的檔案過多，預檢暫停收件，請待結果產生後再傳；正式上傳不受影響 "
    "too many files of yours wait: no new pre-checks until some have results; real uploads are taken"
)


@dataclass(frozen=True, slots=True)
class Upload:
    """What came, and from whom. ``signature``: the digest of what proved the sender, empty on the VPN way."""

    institution: str
    sam: str
    channel: Channel
    kind: str
    content: bytes
    address: str | None = None
    signature: bytes = b""


def receive(upload: Upload, now: datetime) -> Submission:
    """Keep an upload and give its receipt; the same upload gets the receipt that it had.

    One of which nothing was accepted is checked again under its receipt when it is sent anew: what it lacked may be on
    record by now.

    When this returns, the content is on disk. Raises SignatureUsedBefore; QueueIsFull where a pre-check is new.
    """
    digest = hashlib.sha256(upload.content).digest()
    turn = turns.turn_of(upload.institution, now)
    if KINDS[upload.kind].is_precheck and (detail := _why_not_now(turn, now)):
        if known := _come_again(upload, digest, turn):
            return known
        raise QueueIsFull(detail)
    for attempt in range(_ATTEMPTS):
        try:
            return _kept(upload, digest, now, turn, attempt)
        except IntegrityError:
            again = _come_again(upload, digest, turn)
        if again:
            return again
        # the same receipt was given to another upload of this second
    raise RuntimeError("no receipt could be given")  # eight collisions in a row are no chance


def content_of(submission: Submission) -> bytes:
    """The bytes as they came."""
    return contents_of([submission])[submission.pk]


def contents_of(submissions: Sequence[Submission]) -> dict[int, bytes]:
    """The bytes of each as they came, by the submission's id."""
    sizes = {submission.pk: submission.size for submission in submissions}
    kept = Payload.objects.filter(submission__in=sizes).values_list("submission_id", "content")
    return {key: unpacked(payloads.opened(bytes(content), key), sizes[key]) for key, content in kept}


def packed(content: bytes) -> bytes:
    """Compressed for keeping."""
    return bytes(pa.compress(content, codec=_CODEC, asbytes=True))


def unpacked(content: bytes, size: int) -> bytes:
    """The inverse of ``packed``; ``size`` is that of the original."""
    return bytes(pa.decompress(content, size, codec=_CODEC, asbytes=True))


def _why_not_now(turn: datetime, now: datetime) -> str:
    if turns.is_far_ahead(turn, now):
        return _AHEAD
    return _LATE if turns.is_late(now) else ""


@transaction.atomic
def _come_again(upload: Upload, digest: bytes, turn: datetime) -> Submission | None:
    """The submission that this very content, sender and kind had. Raises SignatureUsedBefore."""
    known = Submission.objects.filter(
        institution=upload.institution, sam=upload.sam, kind=upload.kind, content_hash=digest
    ).first()
    if known is None:
        if SignatureUse.objects.filter(digest=upload.signature).exists():
            raise SignatureUsedBefore
        return None
    is_retry = _bind_signature(upload.signature, known)
    if not is_retry and _came_to_nothing(known):
        _reopen(known, turn)
        if not Payload.objects.filter(submission=known).exists():  # erased meanwhile: here it is again
            Payload.objects.create(submission=known, content=payloads.sealed(packed(upload.content), known.pk))
    return known


@transaction.atomic
def _kept(upload: Upload, digest: bytes, now: datetime, turn: datetime, attempt: int) -> Submission:
    """The upload as a new submission; raises IntegrityError where it is none."""
    submission = Submission.objects.create(
        receipt=_receipt(upload, digest, now, attempt),
        institution=upload.institution,
        sam=upload.sam,
        channel=upload.channel,
        kind=upload.kind,
        content_hash=digest,
        size=len(upload.content),
        sender_address=upload.address,
        received_at=now.replace(microsecond=0),
        due_at=turn,
        state=State.PENDING,
    )
    Payload.objects.create(submission=submission, content=payloads.sealed(packed(upload.content), submission.pk))
    if upload.signature:
        SignatureUse.objects.create(digest=upload.signature, submission=submission)
    return submission


def _bind_signature(signature: bytes, submission: Submission) -> bool:
    """Whether this very signature brought the submission before: the request is the same one, sent again."""
    if not signature:
        return False
    use, is_new = SignatureUse.objects.get_or_create(digest=signature, defaults={"submission": submission})
    if use.submission_id != submission.pk:
        raise SignatureUsedBefore
    return not is_new


def _came_to_nothing(submission: Submission) -> bool:
    return submission.state == State.SET_ASIDE or (submission.state == State.CHECKED and not submission.accepted)


def _reopen(submission: Submission, turn: datetime) -> None:
    """Back into the queue; what the earlier check left is rejected records and findings only."""
    if not _came_to_nothing(Submission.objects.select_for_update().get(pk=submission.pk)):
        return  # somebody sent it anew at the same moment, and it was checked since
    for rows in (Visit, Order, Finding):
        rows.objects.filter(submission=submission).delete()
    submission.state, submission.tries, submission.claim, submission.claimed_until = State.PENDING, 0, "", None
    submission.due_at = turn
    submission.save(update_fields=["state", "tries", "claim", "claimed_until", "due_at"])


def _receipt(upload: Upload, digest: bytes, now: datetime, attempt: int) -> str:
    """Time 14, six characters of the content, institution 10, SAM 12, as clients slice it."""
    number = int.from_bytes(hashlib.sha256(digest + upload.kind.encode() + bytes([attempt])).digest()[:8])
    six = "".join(_BASE36[number // 36**place % 36] for place in range(6))
    return f"{now:%Y%m%d%H%M%S}{six}{upload.institution:<10}{upload.sam:<12}"
