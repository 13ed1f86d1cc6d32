"""A PIN or PUK as a card remembers it: a salted scrypt hash, and the tries left."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Self

PIN_TRIES: Final = 3
PUK_TRIES: Final = 10
#: Cost of the hash (RFC 7914): 16 MiB and some tens of milliseconds. A PIN is short; the tries left and the
#: file's mode protect it first.
SCRYPT_N: Final = 2**14
_SCRYPT_R: Final = 8
_SCRYPT_P: Final = 1
_MOST_MEMORY: Final = 2**27
_SALT: Final = 16
_DIGEST: Final = 32


@dataclass(frozen=True, slots=True)
class SecretCode:
    """Hash of a code, its scrypt parameters, and the counter: ``tries_left`` of ``tries``.

    Raises `ValueError` for parameters that no card was made with.
    """

    salt: bytes = field(repr=False)
    digest: bytes = field(repr=False)
    n: int
    r: int
    p: int
    tries: int
    tries_left: int

    def __post_init__(self) -> None:
        numbers = (self.n, self.r, self.p, self.tries, self.tries_left)
        if not all(type(number) is int for number in numbers):
            raise ValueError("scrypt parameters and tries are whole numbers")
        if not (self.n >= 2 and self.n.bit_count() == 1 and self.r >= 1 and 1 <= self.p <= 16):
            raise ValueError("these are no scrypt parameters")
        if 128 * self.n * self.r > _MOST_MEMORY:
            raise ValueError("these scrypt parameters ask for too much memory")
        if not (0 <= self.tries_left <= self.tries <= 15 and self.tries):
            raise ValueError("the tries left are not 0 to the tries allowed, at most 15")
        if (len(self.salt), len(self.digest)) != (_SALT, _DIGEST):
            raise ValueError(f"salt and digest have {_SALT} and {_DIGEST} bytes")

    @classmethod
    def of(cls, code: str, tries: int, *, n: int = SCRYPT_N) -> Self:
        """A new code with all its tries; ``n`` is scrypt's cost, a power of two."""
        salt = secrets.token_bytes(_SALT)
        return cls(salt, _scrypt(code, salt, n, _SCRYPT_R, _SCRYPT_P), n, _SCRYPT_R, _SCRYPT_P, tries, tries)

    def matches(self, code: str) -> bool:
        """Whether this is the code, in constant time. Take the try, durably, before asking."""
        return hmac.compare_digest(_scrypt(code, self.salt, self.n, self.r, self.p), self.digest)

    def with_try_taken(self) -> Self:
        """The same code with one try fewer; raises `ValueError` where none is left."""
        return replace(self, tries_left=self.tries_left - 1)

    def with_tries_restored(self) -> Self:
        """The same code with all its tries."""
        return replace(self, tries_left=self.tries)

    def to_json(self) -> dict[str, Any]:
        """The code as JSON; bytes in hexadecimal."""
        return {
            "salt": self.salt.hex(),
            "digest": self.digest.hex(),
            "scrypt": {"n": self.n, "r": self.r, "p": self.p},
            "tries": self.tries,
            "tries_left": self.tries_left,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """The code of such JSON; raises `KeyError`, `TypeError` or `ValueError` for anything else."""
        scrypt = value["scrypt"]
        salt, digest = bytes.fromhex(value["salt"]), bytes.fromhex(value["digest"])
        return cls(salt, digest, scrypt["n"], scrypt["r"], scrypt["p"], value["tries"], value["tries_left"])


def _scrypt(code: str, salt: bytes, n: int, r: int, p: int) -> bytes:
    secret = code.encode("ascii")
    return hashlib.scrypt(secret, salt=salt, n=n, r=r, p=p, dklen=_DIGEST, maxmem=2 * _MOST_MEMORY)
