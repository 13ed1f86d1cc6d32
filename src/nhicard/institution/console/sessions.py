"""Who is signed in: a signed cookie, a token for its forms, and patience with wrong passwords that ends."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from itsdangerous import BadSignature, URLSafeSerializer

from nhicard.institution.console.secrets import Secrets

COOKIE: Final = "nhicard_console"
#: A working day.
LIFETIME: Final = timedelta(hours=12)
MOST_FAILURES: Final = 5
FAILURES_COUNT_FOR: Final = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Session:
    """One browser since it came, or since it signed in."""

    id: str
    began: datetime
    signed_in: bool


@dataclass(frozen=True, slots=True)
class Sessions:
    """Sessions live in their cookies; only those that were ended are remembered, until they would have ended anyway."""

    secret: Secrets
    _ended: dict[str, datetime] = field(default_factory=dict)

    def begin(self, now: datetime, *, signed_in: bool) -> Session:
        """A new one."""
        return Session(secrets.token_urlsafe(16), now, signed_in)

    def cookie(self, session: Session) -> str:
        """The cookie's value."""
        told = [session.id, session.began.isoformat(), session.signed_in, self.secret.edition]
        return str(self._serializer().dumps(told))

    def of_cookie(self, cookie: str | None, now: datetime) -> Session | None:
        """The session behind a cookie; None where it is forged, over, ended, or older than the password."""
        try:
            name, began, signed_in, edition = self._serializer().loads(cookie or "")
        except BadSignature:
            return None
        session = Session(name, datetime.fromisoformat(began), signed_in)
        fresh = timedelta(0) <= now - session.began < LIFETIME
        alive = fresh and name not in self._ended and hmac.compare_digest(edition, self.secret.edition)
        return session if alive else None

    def end(self, session: Session, now: datetime) -> None:
        """Whoever has its cookie is signed out."""
        for name, began in list(self._ended.items()):
            if now - began >= LIFETIME:
                del self._ended[name]
        self._ended[session.id] = session.began

    def form_token(self, session: Session) -> str:
        """What a form of this session must bring, so that no other page can send it."""
        return hmac.new(self.secret.session_key, b"form " + session.id.encode(), hashlib.sha256).hexdigest()

    def form_token_fits(self, session: Session, token: str) -> bool:
        """Whether a form came from a page of this session."""
        return hmac.compare_digest(token.encode("utf-8", "surrogatepass"), self.form_token(session).encode())

    def _serializer(self) -> URLSafeSerializer:
        return URLSafeSerializer(self.secret.session_key, salt="nhicard.console")


@dataclass(slots=True)
class Patience:
    """Wrong passwords: after five within a quarter of an hour nobody gets in until the first of them is so old."""

    _failures: deque[datetime] = field(default_factory=lambda: deque(maxlen=MOST_FAILURES))
    _one_at_a_time: threading.Lock = field(default_factory=threading.Lock)

    def locked_until(self, now: datetime) -> datetime | None:
        """Until when no password is looked at; None where one may try."""
        first = self._failures[0] if len(self._failures) == MOST_FAILURES else None
        return first + FAILURES_COUNT_FOR if first and now - first < FAILURES_COUNT_FOR else None

    def try_password(self, secret: Secrets, password: str, now: datetime) -> bool:
        """Whether the password fits and may be tried; guesses wait for one another."""
        with self._one_at_a_time:
            if self.locked_until(now):
                return False
            if secret.password_fits(password):
                self._failures.clear()
                return True
            self._failures.append(now)
            return False
