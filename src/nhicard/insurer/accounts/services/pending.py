"""Between the two steps: who gave a right password, kept in the session for a few minutes, signed in as nobody yet."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.http import HttpRequest
from django_otp.plugins.otp_totp.models import TOTPDevice

from nhicard.insurer.accounts import policy
from nhicard.insurer.accounts.models import Means, User
from nhicard.insurer.accounts.services import second_factor

_KEY: Final = "second_step"


@dataclass(frozen=True, slots=True)
class Pending:
    """Someone halfway in. ``target``: the page to go to; ``new_device``: the one being set up, if any."""

    user: User
    means: Means
    target: str
    new_device: TOTPDevice | None


def hold(request: HttpRequest, user: User, means: Means, target: str, now: datetime) -> None:
    """Remember that the first step is done, in a session with a fresh key."""
    request.session.flush()
    request.session[_KEY] = {"user": user.pk, "means": means.value, "target": target, "at": now.isoformat()}


def held(request: HttpRequest, now: datetime) -> Pending | None:
    """Who is halfway in, unless it was too long ago or the account was closed meanwhile."""
    kept = request.session.get(_KEY)
    if not kept or now - datetime.fromisoformat(kept["at"]) > policy.SECOND_STEP_WITHIN:
        return None
    user = User.objects.filter(pk=kept["user"], is_active=True).first()
    if user is None:
        return None
    device = TOTPDevice.objects.filter(pk=kept.get("device"), user=user, confirmed=False).first()
    return Pending(user, Means(kept["means"]), kept["target"], device)


def device_to_confirm(request: HttpRequest, pending: Pending) -> TOTPDevice:
    """The device that is being set up; the same for as long as this try lasts, so that a reloaded page fits."""
    if pending.new_device:
        return pending.new_device
    device = second_factor.new_device(pending.user)
    request.session[_KEY] = request.session[_KEY] | {"device": device.pk}
    return device
