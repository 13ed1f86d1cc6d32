"""What each role may do, and which institutions a user may look at. Every view names its roles with ``allowed``."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse

from nhicard.insurer.accounts.models import DIVISION_ROLES, INSTITUTION_ROLES, Role, User
from nhicard.insurer.registry.models import Institution

View = Callable[..., HttpResponse]
EVERYBODY = tuple(Role)
INSTITUTION = INSTITUTION_ROLES
DIVISION = DIVISION_ROLES
#: Those who look at institutions without being one.
INSURER = (*DIVISION_ROLES, Role.HEADQUARTERS, Role.AUDITOR)


def allowed(*roles: Role) -> Callable[[View], View]:
    """The view is for users of these roles, signed in with both factors; others are sent to sign in, or get 403.

    The roles stand on the view as ``roles``, from which the matrix of rights is tested.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *arguments: Any, **named: Any) -> HttpResponse:
            user: Any = request.user
            if not user.is_authenticated or not user.is_verified():
                return redirect_to_login(request.get_full_path())
            if user.role not in roles:
                raise PermissionDenied
            return view(request, *arguments, **named)

        guarded.roles = roles  # type: ignore[attr-defined]
        return guarded

    return decorate


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
