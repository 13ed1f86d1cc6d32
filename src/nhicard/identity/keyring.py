"""The insurer's symmetric keys, by version; each serves the visits of one span of time.

A fact's own time says which key made its identifier or signature, so nothing outside has to name a version.
Spans neither overlap nor leave gaps: a rotation ends the last span and begins the next at the same second.
"""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from nhicard.identity.private_files import read_private, write_private

_SECRET_BYTES = 32
_ORDER_P256 = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


class BadKeyRing(ValueError):
    """A key file that cannot be used; the message says why and never shows a key."""


@dataclass(frozen=True)
class Key:
    """One version. ``since`` is inclusive, ``until`` exclusive (None: still in use), both naive Taipei time."""

    version: int
    since: datetime
    until: datetime | None
    secret: bytes

    def __repr__(self) -> str:
        return f"Key(version={self.version}, since={self.since}, until={self.until})"

    def covers(self, moment: datetime) -> bool:
        """Whether the key serves visits of that moment."""
        return self.since <= moment and (self.until is None or moment < self.until)

    def derive(self, purpose: str, length: int = 32) -> bytes:
        """A key of its own for each purpose (HKDF with SHA-256)."""
        return HKDF(hashes.SHA256(), length, salt=None, info=f"nhicard {purpose}".encode()).derive(self.secret)

    @cached_property
    def signing_key(self) -> ec.EllipticCurvePrivateKey:
        """The data centre's P-256 key of this version."""
        # 48 bytes modulo the order: the bias is below 2**-128
        number = int.from_bytes(self.derive("security signature", 48), "big") % (_ORDER_P256 - 1) + 1
        return ec.derive_private_key(number, ec.SECP256R1())


@dataclass(frozen=True)
class KeyRing:
    """All versions, oldest first."""

    keys: tuple[Key, ...]

    def __post_init__(self) -> None:
        if not self.keys:
            raise BadKeyRing("a key ring needs at least one key")
        for key in self.keys:
            if key.since.tzinfo or (key.until and (key.until.tzinfo or key.until <= key.since)):
                raise BadKeyRing(f"the span of key {key.version} is not one of Taipei time, or ends before it begins")
            if len(key.secret) != _SECRET_BYTES:
                raise BadKeyRing(f"key {key.version} does not have {_SECRET_BYTES} bytes")
        for earlier, later in zip(self.keys, self.keys[1:], strict=False):
            if earlier.until != later.since or earlier.version >= later.version:
                raise BadKeyRing(f"key {later.version} does not begin where key {earlier.version} ends")

    def __iter__(self) -> Iterator[Key]:
        return iter(self.keys)

    def at(self, moment: datetime) -> Key | None:
        """The key that serves visits of that moment."""
        return next((key for key in self.keys if key.covers(moment)), None)

    @classmethod
    def new(cls, since: datetime) -> KeyRing:
        """A ring with one fresh key."""
        return cls((Key(1, since, None, secrets.token_bytes(_SECRET_BYTES)),))

    def rotated(self, at: datetime) -> KeyRing:
        """The ring with a fresh key from that moment on; raises BadKeyRing if it lies before the last key's start."""
        *older, last = self.keys
        if at <= last.since:
            raise BadKeyRing(f"the next key must begin after {last.since}")
        fresh = Key(last.version + 1, at, None, secrets.token_bytes(_SECRET_BYTES))
        return KeyRing((*older, replace(last, until=at), fresh))

    @classmethod
    def load(cls, path: Path) -> KeyRing:
        """Read a key file. Raises BadKeyRing, OSError, or PrivateFileExposed where others may read it."""
        try:
            return cls(_keys(json.loads(read_private(path))["keys"]))
        except (ValueError, KeyError, TypeError) as error:
            if isinstance(error, BadKeyRing):
                raise
            raise BadKeyRing(f"{path} is no key file") from None  # the cause may quote a key

    def save(self, path: Path) -> None:
        """Write the key file, mode 0600."""
        keys = [
            {
                "version": key.version,
                "since": key.since.isoformat(),
                "until": key.until.isoformat() if key.until else None,
                "secret": base64.b64encode(key.secret).decode(),
            }
            for key in self.keys
        ]
        write_private(path, json.dumps({"keys": keys}, indent=1).encode())


def _keys(entries: Sequence[dict[str, str]]) -> tuple[Key, ...]:
    return tuple(
        Key(
            int(entry["version"]),
            datetime.fromisoformat(entry["since"]),
            datetime.fromisoformat(entry["until"]) if entry["until"] else None,
            base64.b64decode(entry["secret"], validate=True),
        )
        for entry in entries
    )
