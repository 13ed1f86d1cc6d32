"""The keys that payloads are sealed with: a private JSON file outside the database, one key a version."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from nhicard.identity.private_files import read_private, write_private


class BadRing(ValueError):
    """The key file cannot be used; the message says what to do, in both languages."""


@dataclass(frozen=True)
class SecretRing:
    """Keys (32 bytes) by version, from 1; ``current`` seals. ``plain``: whether unsealed payloads are still read."""

    keys: Mapping[int, bytes] = field(repr=False)
    current: int
    plain: bool = True

    @classmethod
    def new(cls) -> SecretRing:
        """A ring with one fresh key."""
        return cls({1: AESGCM.generate_key(256)}, 1)

    def with_another(self) -> SecretRing:
        """The ring with one more key, which seals nothing yet."""
        return replace(self, keys={**self.keys, max(self.keys) + 1: AESGCM.generate_key(256)})

    def with_newest_current(self) -> SecretRing:
        """The ring that seals with its newest key."""
        return replace(self, current=max(self.keys))

    def without_plain(self) -> SecretRing:
        """The ring that takes nothing unsealed any more: from now on that is a forgery."""
        return replace(self, plain=False)

    def fingerprint(self, version: int) -> bytes:
        """Eight bytes that tell one key from another and nothing of the key."""
        return self._fingerprints[version]

    @cached_property
    def _fingerprints(self) -> Mapping[int, bytes]:
        return {
            version: hashlib.sha256(b"nhicard payload key" + key).digest()[:8] for version, key in self.keys.items()
        }

    @classmethod
    def load(cls, path: Path) -> SecretRing:
        """Raises BadRing, PrivateFileExposed, OSError."""
        content = read_private(path)
        try:
            told = json.loads(content)
            keys = {int(version): base64.b64decode(key, validate=True) for version, key in told["keys"].items()}
            ring = cls(keys, int(told["current"]), bool(told["plain"]))
        except (ValueError, KeyError, TypeError, AttributeError):
            ring = cls({}, 0)
        if ring.current not in ring.keys or {len(key) for key in ring.keys.values()} != {32}:
            raise BadRing(
                f"{path} 不是可用的金鑰檔，請從備份還原。{path} is no usable key file; restore it from a backup."
            )
        return ring

    def save(self, path: Path) -> None:
        """Replace the file."""
        write_private(path, self._as_json())

    def create(self, path: Path) -> None:
        """Make the file. Raises FileExistsError where another process was first: its keys count."""
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryDirectory(dir=path.parent) as folder:
            fresh = Path(folder) / path.name
            write_private(fresh, self._as_json())
            os.link(fresh, path)

    def _as_json(self) -> bytes:
        keys = {str(version): base64.b64encode(key).decode() for version, key in self.keys.items()}
        return json.dumps({"current": self.current, "plain": self.plain, "keys": keys}, indent=1).encode()
