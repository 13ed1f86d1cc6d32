"""Signing in with a card: the control software's signature block, verified against the registers.

The block is made by the reader for this purpose alone (service type 92), is good for five minutes and once. A staff
card whose PIN was verified is something one has and something one knows: it is both factors. A SAM stands in every
consulting room: it only takes the place of the representative's password.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings

from nhicard.formats.status_codes import Refused
from nhicard.identity import signature_block
from nhicard.identity.signature_block import BlockRefused
from nhicard.insurer.accounts import policy
from nhicard.insurer.accounts.models import CardDevice, Role, User
from nhicard.insurer.accounts.services import second_factor, sessions
from nhicard.insurer.accounts.services.signing_in import is_open
from nhicard.insurer.audit import chain
from nhicard.insurer.datacentre.authentication import Caller, Signers, authenticate
from nhicard.insurer.registry.models import Institution


class NotByCard(Exception):
    """The card does not sign in; ``reason`` is the name of the text that says why."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(slots=True)
class SignedBlock:
    """A signature block as the page posts it; names as on the wire, no patient card."""

    clientRandom: str
    hospitalId: str
    samId: str
    signature: str
    hpcId: str = ""
    hpcIdNo: str = ""
    hcId: str = ""
    hcIdNo: str = ""


@dataclass(frozen=True, slots=True)
class ByCard:
    """Whom the card stands for. ``device``: what verifies the session; None where the second step is still to come."""

    user: User
    device: CardDevice | None


def sign_in(block: SignedBlock, now: datetime) -> ByCard:
    """Whom the block signs in. Raises NotByCard; a block that was genuine is used up either way."""
    caller = _caller(block, now)
    if caller.staff_card is None or caller.staff is None:
        return ByCard(_representative(caller.institution, now), None)
    user = _one(caller.institution, now, national_id=caller.staff.id_no)
    device, _ = CardDevice.objects.get_or_create(user=user, card=caller.staff_card, defaults={"name": "staff card"})
    return ByCard(user, device)


def _caller(block: SignedBlock, now: datetime) -> Caller:
    try:
        at, _ = signature_block.unpack(block.signature)
        signature_block.require_fresh(at, now, policy.CARD_SIGNATURE_AGE)
        signers = Signers.HPC if block.hpcId else Signers.SAM
        caller = authenticate(block, signers, (policy.CARD_SERVICE_TYPE,), now)
    except BlockRefused as refusal:
        _note("-", "", now, refusal.reason.value)
        raise NotByCard("accounts.card.old" if refusal.reason.value == "too old" else "accounts.card.refused") from None
    except Refused as refusal:
        _note("-", "", now, str(refusal.code))
        raise NotByCard("accounts.card.refused") from None
    if not settings.TEST_CARDS and any(card.is_test for card in (caller.sam, caller.staff_card) if card):
        _note("-", caller.institution.code, now, "test card")
        raise NotByCard("accounts.card.refused")
    return caller


def _representative(institution: Institution, now: datetime) -> User:
    user = _one(institution, now, role=Role.REPRESENTATIVE)
    # with a SAM alone nobody sets a second factor up: whoever stands at a reader could
    if second_factor.device_of(user) is None or not is_open(user, now):
        sessions.note(user, "refused", now, step="sam", reason="closed or without second factor")
        raise NotByCard("accounts.card.no_second_factor")
    return user


def _one(institution: Institution, now: datetime, **facts: str) -> User:
    """The institution's one active user with these facts: of several the card cannot tell which."""
    users = list(User.objects.filter(institution=institution, is_active=True, **facts)[:2])
    if len(users) != 1:
        _note("-", institution.code, now, "several users" if users else "no user")
        raise NotByCard("accounts.card.no_user")
    return users[0]


def _note(actor: str, institution: str, now: datetime, reason: str) -> None:
    chain.record(
        at=now,
        actor=actor,
        action="account.refused",
        subject="card",
        institution=institution,
        facts={"step": "card", "reason": reason},
    )
