"""What the account page shows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from nhicard.insurer.accounts import policy
from nhicard.insurer.accounts.models import SignIn, User
from nhicard.insurer.accounts.services import sessions
from nhicard.insurer.portal.texts import text


@dataclass(frozen=True, slots=True)
class Session:
    """A sign-in. ``number`` 0 where it cannot be ended here: over already, or the one of this page."""

    number: int
    began: datetime
    means: str
    is_this: bool


@dataclass(frozen=True, slots=True)
class Account:
    """A user's own account."""

    username: str
    name: str
    role: str
    place: str
    password_changed: datetime | None
    codes_left: int
    open: list[Session]
    last: list[Session]


def account(user: User, session: str, now: datetime) -> Account:
    """The account as the user sees it in the session with the key."""
    return Account(
        username=user.username,
        name=user.name,
        role=text(f"accounts.role.{user.role}"),
        place=place(user),
        password_changed=user.password_changed_at,
        codes_left=user.recovery_codes.count(),
        open=[_session(each, session) for each in sessions.still_open(user, now)],
        last=[_session(each, session) for each in user.sign_ins.order_by("-began_at", "-pk")[: policy.SIGN_INS_SHOWN]],
    )


def place(user: User) -> str:
    """Where the user belongs."""
    if user.institution:
        return f"{user.institution.short_name} {user.institution.code}"
    return text(f"division.{user.division}") if user.division else text("accounts.headquarters")


def _session(sign_in: SignIn, current: str) -> Session:
    is_this = bool(sign_in.session) and sign_in.session == current
    number = 0 if is_this or sign_in.ended_at else sign_in.pk
    return Session(number, sign_in.began_at, text(f"accounts.means.{sign_in.means}"), is_this)
