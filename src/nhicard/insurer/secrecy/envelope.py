"""Envelopes: content under a key of its own (AES-256-GCM, NIST SP 800-38D), that key under one of the ring's.

    magic 4 | version 4 | fingerprint 8 | nonce 12 | wrapped key 48 | nonce 12 | content and tag

The header and what the content belongs to are authenticated, so that an envelope fits no other place.
"""

from __future__ import annotations

import secrets
import struct
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.db import OperationalError

from nhicard.insurer.secrecy.ring import SecretRing

MAGIC: Final = b"NHE1"
_HEADER: Final = struct.Struct(">4sI8s")
_NONCE: Final = 12
_KEY: Final = 32
_TAG: Final = 16
_WRAPPED: Final = slice(_HEADER.size + _NONCE, _HEADER.size + _NONCE + _KEY + _TAG)
#: By how many bytes an envelope is larger than its content.
OVERHEAD: Final = _WRAPPED.stop + _NONCE + _TAG


class WrongKey(OperationalError):
    """The key is not at hand; the message says which and what to do, in both languages.

    Storage out of order for now, as a database that is away: the work is put off, nothing is set aside.
    """


class Tampered(Exception):
    """What is stored is not what was sealed for this place."""


def seal(ring: SecretRing, content: bytes, belongs_to: bytes) -> bytes:
    """The content in an envelope under the ring's current key."""
    version = ring.current
    header = _HEADER.pack(MAGIC, version, ring.fingerprint(version))
    bound = header + belongs_to
    key, first, second = AESGCM.generate_key(8 * _KEY), secrets.token_bytes(_NONCE), secrets.token_bytes(_NONCE)
    wrapped = AESGCM(ring.keys[version]).encrypt(first, key, bound)
    return b"".join((header, first, wrapped, second, AESGCM(key).encrypt(second, content, bound)))


def opened(ring: SecretRing, envelope: bytes, belongs_to: bytes) -> bytes:
    """The inverse of ``seal``. Raises WrongKey, Tampered."""
    version = version_of(envelope)
    header = envelope[: _HEADER.size]
    if version not in ring.keys:
        raise WrongKey(
            f"金鑰檔沒有第 {version} 版金鑰，請換回正確的金鑰檔。"
            f"The key file has no key {version}: put back the right key file."
        )
    if ring.fingerprint(version) != header[-8:]:
        raise WrongKey(
            f"第 {version} 版金鑰不是加密時的金鑰，請換回正確的金鑰檔。"
            f"Key {version} is not the one that this was sealed with: put back the right key file."
        )
    first, second = envelope[_HEADER.size : _WRAPPED.start], envelope[_WRAPPED.stop : _WRAPPED.stop + _NONCE]
    bound = header + belongs_to
    try:
        key = AESGCM(ring.keys[version]).decrypt(first, envelope[_WRAPPED], bound)
        return AESGCM(key).decrypt(second, envelope[_WRAPPED.stop + _NONCE :], bound)
    except InvalidTag:
        raise Tampered("內容與加密時不同。The content is not what was sealed.") from None


def is_envelope(content: bytes) -> bool:
    """Whether the content is sealed; a zstd frame begins otherwise."""
    return content.startswith(MAGIC)


def version_of(envelope: bytes) -> int:
    """The version of the key that it is under. Raises Tampered for what is no envelope."""
    if not is_envelope(envelope) or len(envelope) < OVERHEAD:
        raise Tampered("不是加密的內容。This is not a sealed content.")
    return int(_HEADER.unpack_from(envelope)[1])


def head(ring: SecretRing) -> bytes:
    """How every envelope under the ring's current key begins."""
    return _HEADER.pack(MAGIC, ring.current, ring.fingerprint(ring.current))
