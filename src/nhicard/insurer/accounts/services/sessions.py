"""Sessions: begun with a fresh key, never more than a user may have, ended by hand, by age or by a newer one."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Any, Final

from django.contrib import auth
from django.contrib.sessions.models import Session
from django.db import transaction
from django.http import HttpRequest
from django_otp.middleware import is_verified
from django_otp.models import Device

from nhicard.insurer.accounts import policy
from nhicard.insurer.accounts.models import SignIn, User
from nhicard.insurer.audit import chain

_BEGAN: Final = "began_at"
_BACKEND: Final = "django.contrib.auth.backends.ModelBackend"


@transaction.atomic
def begin(request: HttpRequest, user: User, device: Device, means: str, now: datetime) -> SignIn:
    """Sign the user in, verified by the device; the user's oldest sessions beyond the limit end."""
    User.objects.select_for_update().get(pk=user.pk)
    known: Any = user
    known.otp_device = device  # django-otp puts it into the session when it hears of the sign-in
    known.is_verified = partial(is_verified, user)  # as its middleware does, for the rest of this request
    request.session.flush()  # nothing that was put into the session before belongs to this user
    auth.login(request, user, backend=_BACKEND)
    request.session[_BEGAN] = now.isoformat()
    request.session.save()
    for older in user.sign_ins.filter(ended_at=None).order_by("-began_at", "-pk")[policy.SESSIONS - 1 :]:
        end(older, now)
    begun = SignIn.objects.create(user=user, means=means, began_at=now, session=request.session.session_key or "")
    note(user, "sign_in", now, means=means)
    return begun


def end(sign_in: SignIn, now: datetime) -> None:
    """End the session wherever it is open."""
    if sign_in.session:
        Session.objects.filter(session_key=sign_in.session).delete()
    sign_in.ended_at, sign_in.session = now, ""
    sign_in.save(update_fields=["ended_at", "session"])


@transaction.atomic
def end_by_hand(user: User, sign_in: SignIn, now: datetime) -> None:
    """End one of the user's sessions because the user says so."""
    end(sign_in, now)
    note(user, "session_ended", now)


@transaction.atomic
def renew(request: HttpRequest, user: User) -> None:
    """Go on with the session under a fresh key, after the password changed."""
    before = request.session.session_key
    auth.update_session_auth_hash(request, user)
    user.sign_ins.filter(session=before, ended_at=None).update(session=request.session.session_key)


def end_all(user: User, now: datetime, but: str = "") -> None:
    """End the user's sessions, save for the one with the key ``but``."""
    for each in user.sign_ins.filter(ended_at=None).exclude(session=but or None):
        end(each, now)


@transaction.atomic
def leave(request: HttpRequest, now: datetime) -> None:
    """Sign out; nothing where nobody is signed in."""
    key = request.session.session_key
    if isinstance(user := _real(request.user), User):
        for each in user.sign_ins.filter(session=key, ended_at=None):
            end(each, now)
        note(user, "sign_out", now)
    auth.logout(request)


def is_over(request: HttpRequest, now: datetime) -> bool:
    """Whether the session is older than a session may become."""
    began = request.session.get(_BEGAN)
    return began is None or now - datetime.fromisoformat(began) > policy.SESSION_LIFE


def still_open(user: User, now: datetime) -> list[SignIn]:
    """The user's sessions that go on, the newest first."""
    began = user.sign_ins.filter(ended_at=None).order_by("-began_at", "-pk")
    alive = set(
        Session.objects.filter(session_key__in=[each.session for each in began], expire_date__gt=now).values_list(
            "session_key", flat=True
        )
    )
    return [each for each in began if each.session in alive]


def note(user: User, action: str, now: datetime, **facts: Any) -> None:
    """An entry in the audit log about the user, by the user."""
    code = user.institution.code if user.institution else ""
    chain.record(
        at=now,
        actor=user.username,
        role=user.role,
        action=f"account.{action}",
        subject=f"user {user.username}",
        institution=code,
        facts=facts,
    )


def _real(user: Any) -> Any:
    """The user behind Django's lazy objects, of which one is not an instance."""
    return User.objects.filter(pk=user.pk).first() if user.is_authenticated else None
