"""The pages: owners fetch their documents, the insurer sees who has which and prints what goes out on paper."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from nhicard.insurer import clock
from nhicard.insurer.accounts.models import Role, User
from nhicard.insurer.accounts.rights import DIVISION, EVERYBODY, allowed, signed_in, visible
from nhicard.insurer.audit import chain
from nhicard.insurer.portal.texts import text
from nhicard.insurer.taxes import presenters
from nhicard.insurer.taxes.models import Document, Production
from nhicard.insurer.taxes.services import access, current, paper
from nhicard.insurer.taxes.services.figures import roc_year
from nhicard.insurer.taxes.services.producing import due_on

A_PAGE: Final = 50
_TYPES: Final = {"pdf": "application/pdf", "csv": "text/csv; charset=utf-8"}


@never_cache
@require_GET
@allowed(*EVERYBODY)
def overview(request: HttpRequest) -> HttpResponse:
    """The owner's own documents; for the insurer the owners of a year."""
    user, now = signed_in(request), clock.now()
    if user.is_of_institution:
        return _own_page(request, user)
    return _list_page(request, user, now)


@never_cache
@require_GET
@allowed(Role.REPRESENTATIVE)
def download(request: HttpRequest, number: int, form: str) -> HttpResponse:
    """A document, to its owner, signed in with a card."""
    user = signed_in(request)
    found = Document.objects.filter(pk=number).select_related("institution", "production").first()
    if found is None or form not in _TYPES or not access.is_owner(user, found):
        raise Http404
    if not access.is_by_card(request, user):
        messages.warning(request, text("taxes.card.needed"))
        return redirect("taxes:list")
    response = HttpResponse(access.fetch(found, form, user, clock.now()), content_type=_TYPES[form])
    name = f"{found.year}-{found.kind}-v{found.version}.{form}"
    return _saved(response, name)


@never_cache
@require_POST
@allowed(*DIVISION)
def paper_batch(request: HttpRequest) -> HttpResponse:
    """The letters of the division, to print."""
    user, now = signed_in(request), clock.now()
    year = _year(request.POST.get("year", ""))
    if year is None:
        messages.warning(request, text("taxes.wrong.year"))
        return redirect("taxes:list")
    try:
        printed, _ = paper.batch(visible(user), year, now.date(), now, user.username, user.role)
    except paper.NothingToPrint:
        messages.info(request, text("taxes.paper.nobody"))
        return redirect("taxes:list")
    return _saved(HttpResponse(printed, content_type="application/pdf"), f"{year}-paper-{now:%Y%m%d}.pdf")


def _own_page(request: HttpRequest, user: User) -> HttpResponse:
    found = access.own_documents(user).select_related("production")
    produced = current.documents().filter(institution=user.institution)
    shown = {
        "years": presenters.own(found),
        "is_representative": user.role == Role.REPRESENTATIVE,
        "is_by_card": access.is_by_card(request, user),
        "produced": sorted(set(produced.values_list("year", flat=True)), reverse=True),
    }
    return render(request, "taxes/own.html", shown)


def _list_page(request: HttpRequest, user: User, now: datetime) -> HttpResponse:
    last = roc_year(now.date()) - 1
    years = sorted({last, *Production.objects.values_list("year", flat=True)}, reverse=True)
    year = _year(request.GET.get("year", "")) or last
    q, only = request.GET.get("q", "").strip()[:40], request.GET.get("only", "")
    institutions = visible(user)
    if q:
        institutions = institutions.filter(Q(code__startswith=q) | Q(name__contains=q))
    found = paper.deliveries(institutions, year, now.date())
    on_paper = [each for each in found if each.reasons]
    page = Paginator(on_paper if only == "paper" else found, A_PAGE).get_page(request.GET.get("page"))
    chain.record(
        at=now,
        actor=user.username,
        role=user.role,
        action="taxes.listed",
        subject=f"taxes {year}",
        facts={"q": bool(q)},
    )
    shown: dict[str, Any] = {
        "year": year,
        "years": years,
        "q": q,
        "only": only,
        "page": page,
        "rows": presenters.rows(list(page)),
        "count": len(found),
        "institutions": len({each.institution.pk for each in found}),
        "on_paper": len(on_paper),
        "due": presenters.due(year, due_on(year), now.date()),
        "production": presenters.produced(Production.objects.filter(year=year).order_by("-pk").first()),
        "may_print": user.is_of_division,
    }
    return render(request, "taxes/list.html", shown)


def _year(told: str) -> int | None:
    return int(told) if told.isascii() and told.isdecimal() and 84 <= int(told[:4]) <= 999 else None


def _saved(response: HttpResponse, name: str) -> HttpResponse:
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["X-Content-Type-Options"] = "nosniff"
    return response
