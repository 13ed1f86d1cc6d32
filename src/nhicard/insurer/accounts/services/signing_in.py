"""The two steps of signing in: what is right, what counts as a failure, when an account locks."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django_otp.models import Device

from nhicard.insurer.accounts import policy
from nhicard.insurer.accounts.models import Means, User
from nhicard.insurer.accounts.services import passwords, second_factor, sessions
from nhicard.insurer.audit import chain


def with_password(username: str, password: str, now: datetime) -> User | None:
    """The user, if name and password are right and the account is open; else None, whatever the reason.

    Every answer costs one hash and one entry in the audit log, so that it does not tell which accounts there are.
    """
    user = User.objects.filter(username=username).first()
    is_right = passwords.is_right(user, password)
    with transaction.atomic():
        if user is None:
            # the name is not kept: people type passwords and national IDs into the wrong field
            chain.record(
                at=now, actor="-", action="account.refused", subject="user unknown", facts={"step": "password"}
            )
            return None
        held = User.objects.select_for_update().get(pk=user.pk)
        # read again under the lock: many guesses at once are still counted one by one
        if not is_open(held, now):
            sessions.note(held, "refused", now, step="password", reason="closed")
            return None
        if not is_right or held.password != user.password:
            fail(held, "password", now)
            return None
        return held


def second_step(user: User, code: str, now: datetime) -> tuple[Device, Means] | None:
    """The device that the code verifies, and whether it was a recovery code; None where it is wrong or too late."""
    with transaction.atomic():
        held = User.objects.select_for_update().get(pk=user.pk)
        device = second_factor.device_of(held)
        if device is None or not is_open(held, now):
            sessions.note(held, "refused", now, step="code", reason="closed")
            return None
        if second_factor.is_right(device, code, now):
            succeed(held)
            return device, Means.PASSWORD
        if second_factor.use_recovery_code(held, code):
            sessions.note(held, "recovery_code_used", now, left=held.recovery_codes.count())
            succeed(held)
            return device, Means.RECOVERY
        fail(held, "code", now)
        return None


def confirms_password(user: User, password: str, now: datetime) -> bool:
    """Whether someone who is signed in knows the password; failures count as when signing in."""
    is_right = passwords.is_right(user, password)
    with transaction.atomic():
        held = User.objects.select_for_update().get(pk=user.pk)
        if is_open(held, now) and is_right:
            return True
        if is_open(held, now):
            fail(held, "password", now)
        return False


def is_open(user: User, now: datetime) -> bool:
    """Whether the account is in use and not locked at the moment."""
    return user.is_active and (user.locked_until is None or user.locked_until <= now)


def fail(user: User, step: str, now: datetime) -> None:
    """Count a failure of either step; the last that is allowed locks the account for a while."""
    user.failures += 1
    sessions.note(user, "refused", now, step=step, failures=user.failures)
    if user.failures >= policy.FAILURES:
        user.failures, user.locked_until = 0, now + policy.LOCK
        sessions.note(user, "locked", now, minutes=policy.LOCK.total_seconds() // 60)
    user.save(update_fields=["failures", "locked_until"])


def succeed(user: User) -> None:
    """Forget the failures: only when both steps are done, lest a known password reset the count of guessed codes."""
    user.failures, user.locked_until = 0, None
    user.save(update_fields=["failures", "locked_until"])
