"""What each role may do, and which institutions a user may look at. Every view names its roles with ``allowed``."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import wraps
from typing import Any

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import redirect, resolve_url

from nhicard.insurer import clock
from nhicard.insurer.accounts.models import DIVISION_ROLES, INSTITUTION_ROLES, CardDevice, Role, User
from nhicard.insurer.accounts.services import sessions
from nhicard.insurer.registry.models import Institution

View = Callable[..., HttpResponseBase]
EVERYBODY = tuple(Role)
INSTITUTION = INSTITUTION_ROLES
DIVISION = DIVISION_ROLES
#: Those who look at institutions without being one.
INSURER = (*DIVISION_ROLES, Role.HEADQUARTERS, Role.AUDITOR)


def allowed(*roles: Role, password_may_be_due: bool = False) -> Callable[[View], View]:
    """The view is for users of these roles, signed in with both factors; others are sent to sign in, or get 403.

    A session that is too old, or whose card was revoked, ends. A password that an administrator set is changed first,
    save where the view itself serves that. The roles stand on the view as ``roles``, from which the matrix of rights
    is tested.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *arguments: Any, **named: Any) -> HttpResponseBase:
            user: Any = request.user
            if not user.is_authenticated or not user.is_verified():
                return redirect_to_login(_way_back(request))
            if _has_to_end(request, clock.now()):
                sessions.leave(request, clock.now())
                return redirect_to_login(_way_back(request))
            if user.password_is_due and not password_may_be_due:
                return redirect("accounts:password")
            if user.role not in roles:
                raise PermissionDenied
            return view(request, *arguments, **named)

        guarded.roles = roles  # type: ignore[attr-defined]
        return guarded

    return decorate


def _way_back(request: HttpRequest) -> str:
    """Where to go after signing in: a page, not what was just to be done."""
    return request.get_full_path() if request.method == "GET" else resolve_url(settings.LOGIN_REDIRECT_URL)


def _has_to_end(request: HttpRequest, now: datetime) -> bool:
    user: Any = request.user
    device = user.otp_device
    return sessions.is_over(request, now) or (isinstance(device, CardDevice) and device.card.is_revoked(now))


def signed_in(request: HttpRequest) -> User:
    """The user of a guarded view."""
    assert isinstance(request.user, User)
    return request.user


def visible(user: User) -> QuerySet[Institution]:
    """The institutions that the user may look at."""
    everything = Institution.objects.all()
    if user.is_of_institution:
        return everything.filter(users=user)
    if user.is_of_division:
        return everything.filter(division=user.division)
    return everything


def institution_or_404(user: User, code: str) -> Institution:
    """The institution, if the user may look at it; one that exists elsewhere is as unknown as one that does not."""
    found = visible(user).filter(code=code).first()
    if found is None:
        raise Http404
    return found
