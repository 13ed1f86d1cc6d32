"""The portal's first page and the choice of language."""

from __future__ import annotations

from typing import Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_GET, require_POST

from nhicard.insurer.accounts.rights import EVERYBODY, allowed

_YEAR: Final = 365 * 24 * 3600


@require_GET
@allowed(*EVERYBODY)
def home(request: HttpRequest) -> HttpResponse:
    """What the user can do here."""
    return render(request, "portal/home.html")


@require_POST
def language(request: HttpRequest) -> HttpResponse:
    """Keep the chosen language in a cookie and go back to the page."""
    target = request.POST.get("next", "")
    if not url_has_allowed_host_and_scheme(target, {request.get_host()}, require_https=request.is_secure()):
        target = "/portal/"
    response = HttpResponseRedirect(target)
    chosen = request.POST.get("language", "")
    if chosen in dict(settings.LANGUAGES):
        response.set_cookie(
            settings.LANGUAGE_COOKIE_NAME, chosen, max_age=_YEAR, secure=True, httponly=True, samesite="Lax"
        )
    return response
