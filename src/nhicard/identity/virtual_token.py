"""The one-use token that a patient's phone shows as a QR code in place of a card.

``VHC1.<claims>.<signature>``, both base64url without padding: claims are JSON, the signature is raw P-256 by the
virtual card's key over ``VHC1.<claims>``. A token for home care also carries the card's certificate and the patient's
basic data, so that it can be recognised where there is no network.
"""

from __future__ import annotations

import base64
import binascii
import json
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from nhicard.formats.rocdate import TAIPEI
from nhicard.identity import certificates, ecdsa

LIFETIME: Final = timedelta(minutes=5)
PREFIX: Final = "VHC1."
_CLOCK_SKEW: Final = timedelta(minutes=5)
_LONGEST: Final = 4096


class Setting(StrEnum):
    """Where the token is to be used."""

    ON_SITE = "on-site"
    TELEMEDICINE = "telemedicine"
    HOME_CARE = "home-care"


class Reason(StrEnum):
    """Why a token is refused, in the order in which they are found."""

    NOT_A_TOKEN = "no token of a virtual card"  # noqa: S105  # a sentence
    UNREADABLE = "unreadable content"
    FORGED = "not signed by the virtual card"
    TIMED_OUT = "shown more than five minutes ago"


class TokenRefused(Exception):
    """The token cannot be used; ``reason`` says why."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.value)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class BasicData:
    """What the screen shows of the patient. Dates are ROC ``yyyMMdd``, sex M or F."""

    name: str
    birthday: str
    sex: str


@dataclass(frozen=True, slots=True)
class Token:
    """A token's claims. ``certificate`` and ``basic`` are None outside home care."""

    card: str
    setting: Setting
    issued: datetime
    nonce: str
    certificate: x509.Certificate | None
    basic: BasicData | None
    signed: bytes
    signature: bytes


def make(
    key: ec.EllipticCurvePrivateKey,
    card: str,
    setting: Setting,
    now: datetime,
    *,
    certificate: x509.Certificate | None = None,
    basic: BasicData | None = None,
) -> str:
    """A fresh token for the card number, as the phone makes one each time the patient asks for a QR code."""
    claims: dict[str, Any] = {
        "c": card,
        "s": setting.value,
        "t": int(now.replace(tzinfo=TAIPEI).timestamp()),
        "n": secrets.token_urlsafe(12),
    }
    if certificate is not None and basic is not None:
        claims["x"] = base64.b64encode(certificate.public_bytes(Encoding.DER)).decode()
        claims["b"] = [basic.name, basic.birthday, basic.sex]
    signed = PREFIX + _encode(json.dumps(claims, ensure_ascii=False, separators=(",", ":")).encode())
    return f"{signed}.{_encode(ecdsa.sign(key, signed.encode()))}"


def read(text: str) -> Token:
    """The token behind a QR code's text, signature not yet verified. Raises TokenRefused."""
    text = text.strip()
    if not text.startswith(PREFIX) or text.count(".") != 2 or len(text) > _LONGEST:
        raise TokenRefused(Reason.NOT_A_TOKEN)
    signed, _, signature = text.rpartition(".")
    try:
        claims = json.loads(_decode(signed.removeprefix(PREFIX)))
        basic = BasicData(*map(str, claims["b"])) if "b" in claims else None
        certificate = x509.load_der_x509_certificate(base64.b64decode(claims["x"])) if "x" in claims else None
        issued = datetime.fromtimestamp(int(claims["t"]), TAIPEI).replace(tzinfo=None)
        return Token(
            str(claims["c"]),
            Setting(claims["s"]),
            issued,
            str(claims["n"]),
            certificate,
            basic,
            signed.encode(),
            _decode(signature),
        )
    except (ValueError, KeyError, TypeError, OverflowError, OSError, RecursionError, x509.InvalidVersion):
        raise TokenRefused(Reason.UNREADABLE) from None


def require_genuine(token: Token, key: ec.EllipticCurvePublicKey, now: datetime) -> None:
    """Raises TokenRefused where the card's key did not sign the token or it is no longer (or not yet) good."""
    if not ecdsa.is_signed(key, token.signed, token.signature):
        raise TokenRefused(Reason.FORGED)
    if not -_CLOCK_SKEW <= now - token.issued <= LIFETIME:
        raise TokenRefused(Reason.TIMED_OUT)


def recognise_offline(token: Token, root: x509.Certificate, now: datetime) -> certificates.Subject:
    """The holder of a home-care token, verified without a network against the root.

    The certificate vouches for person and card; name, birthday and sex are as the phone states them. Raises
    TokenRefused, also where the token lacks certificate or basic data, and CertificateRefused.
    """
    if token.certificate is None or token.basic is None:
        raise TokenRefused(Reason.UNREADABLE)
    subject = certificates.verify(token.certificate, root, now)
    if subject.role is not certificates.Role.VIRTUAL_CARD or subject.number != token.card:
        raise TokenRefused(Reason.FORGED)
    require_genuine(token, certificates.public_key_of(token.certificate), now)
    return subject


def _encode(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def _decode(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error as error:
        raise ValueError(str(error)) from None
