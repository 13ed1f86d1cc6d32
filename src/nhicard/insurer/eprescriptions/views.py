"""Pages on electronic prescriptions: an institution sees its own and its programs, the insurer counts."""

from __future__ import annotations

from typing import Any, Final

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from nhicard.insurer import clock
from nhicard.insurer.accounts.models import Role
from nhicard.insurer.accounts.rights import EVERYBODY, allowed, signed_in, visible
from nhicard.insurer.eprescriptions import presenters
from nhicard.insurer.eprescriptions.models import Client
from nhicard.insurer.eprescriptions.services import clients
from nhicard.insurer.portal.texts import text

_LATEST: Final = 50


@require_GET
@allowed(*EVERYBODY)
def overview(request: HttpRequest) -> HttpResponse:
    """An institution's documents and programs; for the insurer how many each institution sent."""
    user = signed_in(request)
    if user.institution is None:
        return render(request, "eprescriptions/counts.html", {"rows": presenters.counts(visible(user))})
    return render(
        request,
        "eprescriptions/list.html",
        {
            "prescriptions": presenters.prescriptions(user.institution, _LATEST),
            "dispensings": presenters.dispensings(user.institution, _LATEST),
            "clients": presenters.clients(user.institution),
            "may_manage": user.role == Role.REPRESENTATIVE,
            "most": _LATEST,
        },
    )


@never_cache
@require_http_methods(["GET", "POST"])
@allowed(Role.REPRESENTATIVE)
def new_client(request: HttpRequest) -> HttpResponse:
    """The form; its answer is the page with the secret itself, because nothing keeps it for another page."""
    user = signed_in(request)
    said = {name: request.POST.get(name, "").strip() for name in ("name", "redirect_uri", "use")}
    facts: dict[str, Any] = {"said": said, "name_length": clients.NAME_LENGTH}
    if request.method == "GET":
        return render(request, "eprescriptions/client_new.html", facts)
    try:
        if said["use"] not in ("system", "people"):
            raise clients.Fault("use")
        if said["use"] == "people" and not said["redirect_uri"]:
            raise clients.Fault("redirect")
        target = said["redirect_uri"] if said["use"] == "people" else ""
        made = clients.make(user, said["name"], target, clock.now())
    except clients.Fault as fault:
        facts["fault"] = text(f"eprescriptions.error.{fault.name}")
        return render(request, "eprescriptions/client_new.html", facts, status=422)
    return render(request, "eprescriptions/client_made.html", {"made": made})


@require_POST
@allowed(Role.REPRESENTATIVE)
def revoke_client(request: HttpRequest, number: int) -> HttpResponse:
    """From now on the program gets and has no token."""
    user = signed_in(request)
    own = Client.objects.filter(institution=user.institution)
    client = own.filter(pk=number).first() if number < 2**63 else None
    if client is None:
        raise Http404
    clients.revoke(client, user, clock.now())
    messages.success(request, text("eprescriptions.client.revoked.done", program=client.name))
    return HttpResponseRedirect(reverse("eprescriptions:list"))
