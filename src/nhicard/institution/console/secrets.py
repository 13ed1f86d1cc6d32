"""What the console keeps secret, in files that only the agent's own user can read: session key, API token, password."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from nhicard.identity.private_files import read_private, write_private

_FOLDER: Final = "console"
_SESSION_KEY: Final = "session.key"
_API_TOKEN: Final = "api.token"  # noqa: S105 - a file's name
_PASSWORD: Final = "password"  # noqa: S105 - a file's name
#: scrypt's cost, 16 MiB a guess, as OWASP's password storage sheet has it for this little memory.
_COST: Final = {"n": 2**14, "r": 8, "p": 5}
_SHORTEST: Final = 8


class WeakPassword(ValueError):
    """The password is too short; the message says so in Chinese and English."""


@dataclass(frozen=True, slots=True)
class Secrets:
    """The secrets of the agent in ``home``. The password is read when it is asked for, so that a change counts at once.

    ``api_token`` is for the HIS, which reads it from ``token_file``.
    """

    home: Path
    session_key: bytes
    api_token: str

    @classmethod
    def of(cls, home: Path) -> Secrets:
        """Those of this folder, made where there are none. Raises PrivateFileExposed, OSError."""
        folder = home / _FOLDER
        key = _kept(folder / _SESSION_KEY, lambda: secrets.token_hex(32))
        return cls(home, bytes.fromhex(key), _kept(folder / _API_TOKEN, lambda: secrets.token_urlsafe(32)))

    @property
    def token_file(self) -> Path:
        """Where the HIS finds the API token."""
        return self.home / _FOLDER / _API_TOKEN

    @property
    def has_password(self) -> bool:
        """Whether a password is set; without one nobody can sign in."""
        return bool(self._password())

    @property
    def edition(self) -> str:
        """What changes with the password, and tells nothing of it: sessions from before end."""
        return hmac.new(self.session_key, self._password().encode(), hashlib.sha256).hexdigest()[:16]

    def set_password(self, password: str) -> None:
        """Keep the password's hash. Raises WeakPassword below eight characters."""
        require_strong(password)
        salt = secrets.token_bytes(16)
        parts = (*map(str, _COST.values()), salt.hex(), _hash(password, salt, **_COST).hex())
        write_private(self.home / _FOLDER / _PASSWORD, "$".join(parts).encode())

    def password_fits(self, password: str) -> bool:
        """Whether it is the password; takes its time."""
        kept = self._password()
        if not kept:
            return False
        n, r, p, salt, expected = kept.split("$")
        found = _hash(password, bytes.fromhex(salt), n=int(n), r=int(r), p=int(p))
        return hmac.compare_digest(found, bytes.fromhex(expected))

    def bears_token(self, authorization: str) -> bool:
        """Whether the header's value is ``Bearer`` and the API token."""
        scheme, _, token = authorization.partition(" ")
        return scheme.lower() == "bearer" and hmac.compare_digest(token.strip().encode(), self.api_token.encode())

    def _password(self) -> str:
        path = self.home / _FOLDER / _PASSWORD
        return read_private(path).decode() if path.exists() else ""


def require_strong(password: str) -> None:
    """Raises WeakPassword below eight characters."""
    if len(password) < _SHORTEST:
        raise WeakPassword(f"密碼至少要 {_SHORTEST} 個字。A password has at least {_SHORTEST} characters.")


def _hash(password: str, salt: bytes, *, n: int, r: int, p: int) -> bytes:
    return hashlib.scrypt(password.encode("utf-8", "surrogatepass"), salt=salt, n=n, r=r, p=p, maxmem=2**26)


def _kept(path: Path, make: Callable[[], str]) -> str:
    if not path.exists():
        write_private(path, make().encode())
    return read_private(path).decode().strip()
