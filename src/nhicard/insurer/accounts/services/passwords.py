"""Passwords: rules for a new one, and what happens when it changes."""

from __future__ import annotations

from datetime import datetime

from django.contrib.auth.hashers import check_password, is_password_usable, make_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction

from nhicard.insurer.accounts import policy
from nhicard.insurer.accounts.models import FormerPassword, User
from nhicard.insurer.accounts.services import sessions
from nhicard.insurer.portal.texts import text


@transaction.atomic
def change(user: User, password: str, now: datetime, session: str = "", *, by_administrator: bool = False) -> None:
    """Set the user's password; sessions other than the given one end. Raises ValidationError where a rule is broken.

    One that an administrator set is known to two, so the user has to change it at once.
    """
    validate_password(password, user)
    if any(check_password(password, former) for former in _recent(user)):
        raise ValidationError(text("accounts.password.recent", count=policy.FORMER_PASSWORDS))
    if is_password_usable(user.password) and user.password:
        FormerPassword.objects.create(user=user, password=user.password, set_at=user.password_changed_at or now)
    user.set_password(password)
    user.password_changed_at, user.password_is_due = now, by_administrator
    user.save(update_fields=["password", "password_changed_at", "password_is_due"])
    for too_old in user.former_passwords.order_by("-set_at", "-pk")[policy.FORMER_PASSWORDS :]:
        too_old.delete()
    sessions.end_all(user, now, but=session)
    sessions.note(user, "password_set" if by_administrator else "password_changed", now)


def _recent(user: User) -> list[str]:
    """The present password and those before, as many as count, hashed."""
    former = list(user.former_passwords.order_by("-set_at", "-pk").values_list("password", flat=True))
    present = [user.password] if user.password and is_password_usable(user.password) else []
    return [*present, *former][: policy.FORMER_PASSWORDS]


def is_right(user: User | None, password: str) -> bool:
    """Whether it is the user's password; takes as long for nobody, and for who has none, as for somebody."""
    if user is None or not user.has_usable_password():
        make_password(password)
        return False
    return user.check_password(password)
