"""Signature blocks by a staff card alone, where an institution has no SAM yet."""

from __future__ import annotations

import secrets
from dataclasses import asdict
from datetime import datetime

from nhicard.identity import signature_block
from nhicard.identity.signature_block import Block, Part
from nhicard.reader.cards import operations
from nhicard.reader.cards.apdu import Card


def signed_by_staff(card: Card, pin: str, institution: str, service_type: str, now: datetime) -> dict[str, str]:
    """The block of a staff member who gives the PIN. Raises CardError."""
    operations.verify_pin(card, pin)
    member = operations.read_staff_member(card)
    block = Block(secrets.token_hex(16), institution, "", hpcId=operations.read_number(card), hpcIdNo=member.person_id)
    at = now.replace(microsecond=0)
    signed = operations.sign(card, signature_block.challenge(block.message(service_type, at)))
    return asdict(block) | {"signature": signature_block.pack(at, [Part(signed.state, signed.signature)])}
