"""特約機構案件查詢作業: the list of cases, one case with its history, its files."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from django.core.paginator import Paginator
from django.db import transaction
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from nhicard.insurer import clock
from nhicard.insurer.accounts.rights import DIVISION, EVERYBODY, allowed, signed_in
from nhicard.insurer.applications import presenters
from nhicard.insurer.applications.forms import OrderForm, QueryForm
from nhicard.insurer.applications.models import Case
from nhicard.insurer.applications.views.lookup import attachment_or_404, case_or_404, cases_of, colleagues
from nhicard.insurer.audit import chain

A_PAGE = 50


@require_GET
@allowed(*EVERYBODY)
def cases(request: HttpRequest) -> HttpResponse:
    """By number, kind and range of days; all of the user's where nothing is asked."""
    user, form = signed_in(request), QueryForm(request.GET)
    found = _asked(cases_of(user), form.cleaned_data) if form.is_valid() else Case.objects.none()
    page = Paginator(found.order_by("-submitted_at", "-pk"), A_PAGE).get_page(request.GET.get("page"))
    asked = request.GET.copy()
    asked.pop("page", None)
    told = {
        "form": form,
        "page": page,
        "rows": presenters.rows(list(page), clock.now().date()),
        "asked": asked.urlencode(),
        "institution": user.institution,
        "is_division": user.role in DIVISION,
    }
    return render(request, "applications/cases.html", told, status=200 if form.is_valid() else 422)


def _asked(found: QuerySet[Case], wish: dict[str, Any]) -> QuerySet[Case]:
    conditions = Q()
    if wish["number"]:
        conditions &= Q(number__startswith=wish["number"].strip())
    if wish["kind"]:
        conditions &= Q(kind=wish["kind"])
    if wish["first"]:
        conditions &= Q(submitted_at__date__gte=wish["first"])
    if wish["last"]:
        conditions &= Q(submitted_at__date__lte=wish["last"])
    return found.filter(conditions)


@require_GET
@allowed(*EVERYBODY)
@transaction.atomic
def case(request: HttpRequest, number: str) -> HttpResponse:
    """One case. That somebody of the insurer looks at the contact's name and telephone is on record."""
    return show(request, case_or_404(signed_in(request), number))


def show(request: HttpRequest, found: Case, form: OrderForm | None = None, status: int = 200) -> HttpResponse:
    """The case's page, with what was typed where a step was refused."""
    user, now = signed_in(request), clock.now()
    if not user.is_of_institution:
        chain.record(
            at=now,
            actor=user.username,
            role=user.role,
            action="case.seen",
            subject=f"case {found.number}",
            institution=found.institution.code,
        )
    wanted = max(found.wanted_from or now.date(), now.date())
    form = form or OrderForm(
        colleagues(found.institution.division), initial={"effective_from": found.effective_from or wanted}
    )
    return render(request, "applications/case.html", presenters.page(found, user, now) | {"form": form}, status=status)


@require_GET
@allowed(*EVERYBODY)
@transaction.atomic
def attachment(request: HttpRequest, pk: int) -> HttpResponse:
    """A file, to be saved and never shown within the portal."""
    user = signed_in(request)
    found = attachment_or_404(user, pk)
    chain.record(
        at=clock.now(),
        actor=user.username,
        role=user.role,
        action="attachment.fetched",
        subject=f"case {found.case.number or 'draft'} attachment {found.pk}",
        institution=found.case.institution.code,
        facts={"sha256": found.sha256},
    )
    response = HttpResponse(bytes(found.content), content_type=found.media_type)
    response["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(found.name)}"
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = "private, no-store"
    return response
