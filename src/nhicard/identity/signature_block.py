"""The signature block with which the control software proves who asks: SAM, and the cards that were present.

The block is what clients forward to the data centre and to the upload service: ``clientRandom hospitalId samId
signature`` and, where a card was present, ``hcId hcIdNo hpcId hpcIdNo``. ``signature`` is base64 of the signing
time (4 bytes, seconds since 1970) and of one part a signer: SAM, patient card, staff card, in this order; a
part is a state byte and 64 bytes. Every signer signs all the block's facts, so no part can be moved elsewhere.

A part is a raw P-256 signature of the card's own key. In place of a virtual card's key, which lives in the patient's
phone, stands an HMAC-SHA512 with the session secret that the data centre gave when the card's QR code was verified.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from enum import IntEnum, StrEnum
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec

from nhicard.formats.rocdate import TAIPEI
from nhicard.identity import ecdsa

PublicKey = ec.EllipticCurvePublicKey
CLOCK_SKEW: Final = timedelta(minutes=5)
_PART: Final = 1 + ecdsa.LENGTH


class PinState(IntEnum):
    """What a card says of its PIN when it signs."""

    NOT_SET = 0
    VERIFIED = 1
    NOT_VERIFIED = 2


_STATES: Final = frozenset(PinState)


class Reason(StrEnum):
    """Why a block is refused."""

    MALFORMED = "malformed"
    FORGED = "forged"
    TOO_OLD = "too old"
    FROM_THE_FUTURE = "from the future"


class BlockRefused(Exception):
    """The block does not prove what it says; ``reason`` tells why."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.value)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Block:
    """The facts that are signed, under their names on the wire; empty strings for a card that was not there."""

    clientRandom: str
    hospitalId: str
    samId: str
    hcId: str = ""
    hcIdNo: str = ""
    hpcId: str = ""
    hpcIdNo: str = ""

    def message(self, service_type: str, at: datetime) -> bytes:
        """All the block's facts, the kind of service and the signing time, to the second."""
        return json.dumps(["nhicard block 1", service_type, _seconds(at), *asdict(self).values()]).encode()


@dataclass(frozen=True, slots=True)
class Part:
    """One signer's part: the state of its PIN and 64 bytes."""

    state: int
    signature: bytes


def challenge(message: bytes) -> bytes:
    """What is put to a card that is to sign the message: 32 bytes, for a card takes 255 at most."""
    return hashlib.sha256(message).digest()


def bound(challenged: bytes, machine: str) -> bytes:
    """The challenge as a cloud SAM signs it: good only with the fingerprint of the machine that installed it."""
    return hashlib.sha256(challenged + machine.encode()).digest() if machine else challenged


def sign_part(key: ec.EllipticCurvePrivateKey, message: bytes, state: int = PinState.NOT_SET) -> Part:
    """A card's part of a block, made with its key at hand."""
    return sign_challenge(key, challenge(message), state)


def sign_challenge(key: ec.EllipticCurvePrivateKey, challenged: bytes, state: int = PinState.NOT_SET) -> Part:
    """What a card does with a challenge: its signature over it and its state byte."""
    return Part(state, ecdsa.sign(key, challenged + bytes([state])))


def session_part(secret: bytes, message: bytes) -> Part:
    """A virtual card's part."""
    return answer_challenge(secret, challenge(message))


def answer_challenge(secret: bytes, challenged: bytes) -> Part:
    """What a session secret makes of a challenge in place of a virtual card."""
    return Part(PinState.NOT_SET, hmac.digest(secret, challenged + bytes([PinState.NOT_SET]), "sha512"))


def pack(at: datetime, parts: list[Part]) -> str:
    """The block's ``signature``."""
    content = _seconds(at).to_bytes(4, "big") + b"".join(bytes([part.state]) + part.signature for part in parts)
    return base64.b64encode(content).decode()


def unpack(signature: str) -> tuple[datetime, list[Part]]:
    """Signing time and parts; raises BlockRefused."""
    try:
        content = base64.b64decode(signature, validate=True)
    except (binascii.Error, ValueError):
        raise BlockRefused(Reason.MALFORMED) from None
    rest = content[4:]
    if base64.b64encode(content).decode() != signature:  # padding bits that say nothing would hide a change
        raise BlockRefused(Reason.MALFORMED)
    if len(content) < 4 or len(rest) % _PART or not 1 <= len(rest) // _PART <= 3:
        raise BlockRefused(Reason.MALFORMED)
    at = datetime.fromtimestamp(int.from_bytes(content[:4], "big"), TAIPEI).replace(tzinfo=None)
    parts = [Part(rest[i], rest[i + 1 : i + _PART]) for i in range(0, len(rest), _PART)]
    if any(part.state not in _STATES for part in parts):
        raise BlockRefused(Reason.MALFORMED)
    return at, parts


def require_fresh(at: datetime, now: datetime, max_age: timedelta) -> None:
    """Raises BlockRefused where the signing time is too old or lies ahead by more than clocks differ."""
    if now - at > max_age:
        raise BlockRefused(Reason.TOO_OLD)
    if at - now > CLOCK_SKEW:
        raise BlockRefused(Reason.FROM_THE_FUTURE)


def require_signed(key: ec.EllipticCurvePublicKey, message: bytes, part: Part, machine: str = "") -> None:
    """Raises BlockRefused where the part is not the key holder's, on that machine where one is given."""
    if not ecdsa.is_signed(key, bound(challenge(message), machine) + bytes([part.state]), part.signature):
        raise BlockRefused(Reason.FORGED)


def require_session(secret: bytes, message: bytes, part: Part) -> None:
    """Raises BlockRefused where the part does not come from the session."""
    expected = session_part(secret, message)
    if part.state != expected.state or not hmac.compare_digest(expected.signature, part.signature):
        raise BlockRefused(Reason.FORGED)


def _seconds(at: datetime) -> int:
    return int(at.replace(tzinfo=TAIPEI).timestamp())
