"""The OAuth addresses: the library's views, with the portal's guard before the one for people."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.urls import reverse
from django.views.decorators.http import require_GET
from oauth2_provider.views import AuthorizationView, RevokeTokenView, TokenView

from nhicard.insurer import clock
from nhicard.insurer.accounts.rights import INSTITUTION, allowed, signed_in
from nhicard.insurer.audit import chain
from nhicard.insurer.eprescriptions.models import Client
from nhicard.insurer.eprescriptions.oauth_settings import SCOPES

token = TokenView.as_view()
revoke = RevokeTokenView.as_view()


class Authorize(AuthorizationView):  # type: ignore[misc]
    """A user of an institution lets one of its programs act for them; the page asks each time."""

    template_name = "eprescriptions/authorize.html"

    def dispatch(self, request: HttpRequest, *more: Any, **named: Any) -> HttpResponseBase:
        """Programs of other institutions are unknown here."""
        self._client = _client_or_404(request)
        response: HttpResponseBase = super().dispatch(request, *more, **named)
        if self._client is not None:
            # the form's answer leads to the program, which browsers count as a target of the form
            targets = ["'self'", *map(_origin, self._client.redirect_uris.split())]
            response._csp_update = {"form-action": targets}  # type: ignore[attr-defined]
        return response

    def form_valid(self, form: Any) -> HttpResponse:
        """The user's answer goes to the program; a consent is audited."""
        with transaction.atomic():
            if form.cleaned_data.get("allow") and self._client is not None:
                _note_consent(self.request, self._client, form.cleaned_data.get("scope", ""), clock.now())
            response: HttpResponse = super().form_valid(form)
        return response


authorize = allowed(*INSTITUTION)(Authorize.as_view())


@require_GET
def server_metadata(request: HttpRequest) -> JsonResponse:
    """RFC 8414: what programs need to know of this authorization server."""
    origin = request.build_absolute_uri("/").rstrip("/")
    return JsonResponse(
        {
            "issuer": origin,
            "authorization_endpoint": origin + reverse("eprescriptions:authorize"),
            "token_endpoint": origin + reverse("oauth:token"),
            "revocation_endpoint": origin + reverse("oauth:revoke"),
            "scopes_supported": list(SCOPES),
            "response_types_supported": ["code"],
            "grant_types_supported": ["authorization_code", "client_credentials", "refresh_token"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": True,
        }
    )


def _client_or_404(request: HttpRequest) -> Client | None:
    """The program that asks; None where the request names none, which the library answers."""
    number = request.POST.get("client_id") or request.GET.get("client_id")
    if not number:
        return None
    own = Client.objects.filter(institution=signed_in(request).institution, revoked_at=None)
    found: Client | None = own.filter(client_id=number).first() if "\x00" not in number else None
    if found is None:
        raise Http404
    return found


def _origin(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"


def _note_consent(request: HttpRequest, client: Client, scope: str, now: datetime) -> None:
    user = signed_in(request)
    chain.record(
        at=now,
        actor=user.username,
        role=user.role,
        action="e-prescription.authorised",
        subject=f"client {client.pk}",
        institution=client.institution.code,
        facts={"scope": scope},
    )
