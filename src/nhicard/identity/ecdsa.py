"""Raw P-256 signatures: r and s as 64 bytes (IEEE P1363), over SHA-256."""

from __future__ import annotations

from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

LENGTH: Final = 64
_ALGORITHM: Final = ec.ECDSA(hashes.SHA256())
_SIGNING: Final = ec.ECDSA(hashes.SHA256(), deterministic_signing=True)  # RFC 6979: equal facts, equal signature


def sign(key: ec.EllipticCurvePrivateKey, message: bytes) -> bytes:
    """The signature of a message, 64 bytes."""
    r, s = decode_dss_signature(key.sign(message, _SIGNING))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def is_signed(key: ec.EllipticCurvePublicKey, message: bytes, signature: bytes) -> bool:
    """Whether the key's holder signed the message; false for anything malformed."""
    if len(signature) != LENGTH:
        return False
    encoded = encode_dss_signature(int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big"))
    try:
        key.verify(encoded, message, _ALGORITHM)
    except InvalidSignature:
        return False
    return True
