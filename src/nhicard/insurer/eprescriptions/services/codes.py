"""Access codes (存取授權碼): who has one may fetch the prescription and dispense it.

A code follows from the server's secret and what it opens, so that the same upload gets the same code again although
only its digest is stored.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterator
from typing import Final

from django.conf import settings
from django.utils.encoding import force_bytes

_ALPHABET: Final = bytes.maketrans(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", b"0123456789ABCDEFGHJKMNPQRSTVWXYZ")
_BYTES: Final = 10  # 80 bits, 16 characters


def made(institution: str, digest: str) -> str:
    """The code for an institution's document: 16 characters without I, L, O and U."""
    return next(_made(institution, digest))


def again(institution: str, digest: str, stored: str) -> str:
    """The code that was given for the document, also where the server's secret has changed since.

    Raises LookupError where its secret is no longer among the former ones.
    """
    for code in _made(institution, digest):
        if hmac.compare_digest(hashed(code), stored):
            return code
    raise LookupError("the secret that made the code is not among SECRET_KEY_FALLBACKS")


def hashed(code: str) -> str:
    """What is stored of a code: SHA-256, in hexadecimal; 80 bits need no salt."""
    return hashlib.sha256(code.encode()).hexdigest()


def _made(institution: str, digest: str) -> Iterator[str]:
    for secret in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS):
        key = hashlib.sha256(b"nhicard access code" + force_bytes(secret)).digest()
        mac = hmac.digest(key, f"{institution} {digest}".encode(), "sha256")
        yield base64.b32encode(mac[:_BYTES]).translate(_ALPHABET).decode()
