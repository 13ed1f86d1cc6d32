"""Telemedicine: the institution asks, the patient agrees in the app, a virtual-card token comes back."""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Any

from cryptography import x509
from django.db import transaction

from nhicard.formats.status_codes import Refused
from nhicard.identity import certificates, ecdsa, virtual_token
from nhicard.identity.virtual_token import Setting, TokenRefused
from nhicard.insurer.datacentre import policy
from nhicard.insurer.datacentre.authentication import Caller, use_once
from nhicard.insurer.datacentre.models import TelemedicineRequest
from nhicard.insurer.registry.models import HealthCard


@transaction.atomic
def ask(caller: Caller, patient_id: str, now: datetime) -> dict[str, Any]:
    """A request to the patient's phone. Raises Refused: 1042, 3301 where the patient has no virtual card."""
    if not caller.institution.takes_virtual_cards:
        raise Refused(1042)
    if not HealthCard.objects.filter(person__id_no=patient_id, is_virtual=True, revoked_at__isnull=True).exists():
        raise Refused(3301)
    request = TelemedicineRequest.objects.create(
        access_token=secrets.token_urlsafe(32)[:43],
        patient_id=patient_id,
        institution=caller.institution,
        asked_at=now,
    )
    return {"accessToken": request.access_token}


def answer(caller: Caller, access_token: str, now: datetime) -> dict[str, Any]:
    """The patient's token once there is one.

    Raises Refused: 3237 no such request (of this institution), 3238 too late, 3239 not answered yet, 3240 declined.
    """
    request = TelemedicineRequest.objects.filter(access_token=access_token, institution=caller.institution).first()
    if request is None:
        raise Refused(3237)
    if request.agreed is False:
        raise Refused(3240)
    if now - request.asked_at > policy.TELEMEDICINE_ANSWER_WITHIN:
        raise Refused(3238)
    if request.agreed is None:
        raise Refused(3239)
    return {"virtualCardToken": request.virtual_card_token}


def pending(card: HealthCard, now: datetime) -> list[dict[str, str]]:
    """Requests that wait for the patient's answer, as the app lists them."""
    rows = TelemedicineRequest.objects.select_related("institution").filter(
        patient_id=card.person.id_no,
        agreed__isnull=True,
        asked_at__gte=now - policy.TELEMEDICINE_ANSWER_WITHIN,
    )
    return [
        {"accessToken": row.access_token, "hospitalId": row.institution.code, "hospitalName": row.institution.name}
        for row in rows.order_by("asked_at")
    ]


@transaction.atomic
def decide(card: HealthCard, access_token: str, *, agreed: bool, token: str, now: datetime) -> dict[str, Any]:
    """The patient's answer; agreeing hands over a token for telemedicine. Raises Refused 3237, 3238, 1520–1523."""
    rows = TelemedicineRequest.objects.select_for_update()
    request = rows.filter(access_token=access_token, patient_id=card.person.id_no, agreed__isnull=True).first()
    if request is None:
        raise Refused(3237)
    if now - request.asked_at > policy.TELEMEDICINE_ANSWER_WITHIN:
        raise Refused(3238)
    if agreed:
        _require_token_of(card, token)
    request.agreed = agreed
    request.virtual_card_token = token if agreed else ""
    request.save(update_fields=["agreed", "virtual_card_token"])
    return {}


def phone(card_number: str, message: bytes, signature: bytes, now: datetime) -> HealthCard:
    """The virtual card whose phone signed the message; the phone makes no two messages alike.

    Raises Refused: 3241, 3203, 1523, 3245 where the very message came before.
    """
    card = HealthCard.objects.select_related("person").filter(number=card_number, is_virtual=True).first()
    if card is None:
        raise Refused(3241)
    if card.is_revoked(now):
        raise Refused(3203)
    certificate = x509.load_pem_x509_certificate(card.certificate.encode())
    if not ecdsa.is_signed(certificates.public_key_of(certificate), message, signature):
        raise Refused(1523)
    use_once(card.number.encode() + message, now, 3245)  # not the signature, which can be written in two ways
    return card


def _require_token_of(card: HealthCard, text: str) -> None:
    try:
        token = virtual_token.read(text)
    except TokenRefused:
        raise Refused(1520) from None
    if token.card != card.number or token.setting is not Setting.TELEMEDICINE:
        raise Refused(1522)
