"""Virtual cards in a reader: reading the QR code's token, verifying it once, passing the card on, logging out."""

from __future__ import annotations

import base64
import hashlib
import secrets
from datetime import datetime
from typing import Any, Final

from cryptography import x509
from django.db import transaction
from django.db.models import QuerySet

from nhicard.formats import rocdate
from nhicard.formats.status_codes import Refused
from nhicard.identity import certificates, virtual_token
from nhicard.identity.virtual_token import Reason, Token, TokenRefused
from nhicard.insurer.datacentre import policy
from nhicard.insurer.datacentre.authentication import Caller, use_once
from nhicard.insurer.datacentre.models import UsedOnce, VirtualCardSession, VirtualCardTransfer
from nhicard.insurer.registry.models import HealthCard

_REFUSALS: Final = {Reason.NOT_A_TOKEN: 1520, Reason.UNREADABLE: 1522, Reason.FORGED: 1523, Reason.TIMED_OUT: 1521}


def read_basic(caller: Caller, token: str, now: datetime) -> dict[str, Any]:
    """Whom the token stands for; the token stays usable."""
    claims, card = _card_behind(caller, token, now)
    if UsedOnce.objects.filter(digest=hashlib.sha256(claims.signed).digest()).exists():
        raise Refused(1525)
    return _basic(card)


def verify(caller: Caller, token: str, now: datetime) -> dict[str, Any]:
    """Take the token, once, and open the session that lets this reader sign for the card until logout."""
    claims, card = _card_behind(caller, token, now)
    with transaction.atomic():
        use_once(claims.signed, now, 1525)  # not the text: a signature can be written in several genuine ways
        return _basic(card) | _session(card, caller, now)


@transaction.atomic
def offer(caller: Caller, now: datetime) -> dict[str, Any]:
    """Let another reader of the institution take the card over within five minutes. Raises Refused 3303."""
    session = _open_session(caller)
    transfer = VirtualCardTransfer.objects.create(token=secrets.token_urlsafe(32)[:43], session=session, offered_at=now)
    return {"transferToken": transfer.token}


@transaction.atomic
def take(caller: Caller, token: str, now: datetime) -> dict[str, Any]:
    """Take an offered card over; the reader that had it loses it.

    Raises Refused: 1528 no such offer, 1529 taken by another reader, 1530 another institution, 1531 offer or card
    no longer good.
    """
    rows = VirtualCardTransfer.objects.select_related("session__card__person", "session__sam").select_for_update()
    transfer = rows.filter(token=token).first()
    if transfer is None:
        raise Refused(1528)
    session = transfer.session
    if session.sam.institution_id != caller.institution.pk:
        raise Refused(1530)
    if transfer.taken_at:
        raise Refused(1529)
    if session.ended_at or now - transfer.offered_at > policy.TRANSFER_WITHIN or session.card.is_revoked(now):
        raise Refused(1531)
    transfer.taken_at = session.ended_at = now
    transfer.save(update_fields=["taken_at"])
    session.save(update_fields=["ended_at"])
    return _basic(session.card) | _session(session.card, caller, now)


@transaction.atomic
def log_out(caller: Caller, now: datetime) -> dict[str, Any]:
    """End the card's session in this reader."""
    _sessions(caller.patient_card, caller).update(ended_at=now)
    return {}


def _card_behind(caller: Caller, text: str, now: datetime) -> tuple[Token, HealthCard]:
    """The token and the virtual card that made it. Raises Refused 1042, 1520–1524, 3203, 3241, 1003."""
    if not caller.institution.takes_virtual_cards:
        raise Refused(1042)
    try:
        token = virtual_token.read(text)
        card = HealthCard.objects.select_related("person").filter(number=token.card, is_virtual=True).first()
        if card is None:
            raise Refused(3241)
        certificate = x509.load_pem_x509_certificate(card.certificate.encode())
        virtual_token.require_genuine(token, certificates.public_key_of(certificate), now)
    except TokenRefused as refusal:
        raise Refused(_REFUSALS[refusal.reason]) from None
    if card.is_revoked(now):
        raise Refused(3203)
    if now.replace(tzinfo=rocdate.TAIPEI) > certificate.not_valid_after_utc:
        raise Refused(1524)
    if caller.module.is_test != card.is_test:
        raise Refused(1003)
    return token, card


def _basic(card: HealthCard) -> dict[str, Any]:
    return {
        "cardId": card.number,
        "name": card.person.name,
        "idNo": card.person.id_no,
        "birthday": rocdate.format_date(card.person.birthday),
        "sex": card.person.sex,
        "identityStatus": card.person.identity_status,
    }


def _session(card: HealthCard, caller: Caller, now: datetime) -> dict[str, str]:
    _sessions(card, caller).update(ended_at=now)  # scanned again: the card is in this reader once
    secret = secrets.token_bytes(32)
    VirtualCardSession.objects.create(card=card, sam=caller.module, secret=secret, began_at=now)
    return {"sessionSecret": base64.b64encode(secret).decode()}


def _open_session(caller: Caller) -> VirtualCardSession:
    session = _sessions(caller.patient_card, caller).first()
    if session is None:
        raise Refused(3303)
    return session


def _sessions(card: HealthCard, caller: Caller) -> QuerySet[VirtualCardSession]:
    """The card's open session in the caller's reader: one or none."""
    return VirtualCardSession.objects.filter(card=card, sam=caller.module, ended_at__isnull=True)
