"""What pages of cases do alike: find, page, take a step, give a file, write down who looked."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, TypeVar

from django import forms
from django.contrib import messages
from django.core.paginator import Page, Paginator
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest, HttpResponse

from nhicard.insurer import clock
from nhicard.insurer.accounts.models import User
from nhicard.insurer.audit import chain
from nhicard.insurer.cases.acting import CannotAct
from nhicard.insurer.portal.texts import text
from nhicard.insurer.registry.models import Institution

A_PAGE: Final = 50
Row = TypeVar("Row", bound=Model)


class Remark(forms.Form):
    """What people say of a step."""

    remark = forms.CharField(max_length=1000, required=False)


def page_of(request: HttpRequest, found: QuerySet[Row]) -> Page[Row]:
    """The page that the request asks for."""
    return Paginator(found, A_PAGE).get_page(request.GET.get("page"))


def query_without_page(request: HttpRequest) -> str:
    """What was asked for, for links to other pages."""
    query = request.GET.copy()
    query.pop("page", None)
    return query.urlencode()


def of_institutions(found: QuerySet[Row], wanted: str) -> QuerySet[Row]:
    """Rows of institutions whose code begins so or whose name contains it; all where nothing is wanted."""
    if not wanted:
        return found
    named = Institution.objects.filter(Q(code__startswith=wanted) | Q(name__contains=wanted))
    return found.filter(institution__in=named.values("code"))


def short_names(codes: Iterable[str]) -> dict[str, str]:
    """Of institutions, by code."""
    return dict(Institution.objects.filter(code__in=set(codes)).values_list("code", "short_name"))


def own_code(user: User) -> str:
    """Of the user's institution; empty for the insurer's people."""
    return user.institution.code if user.institution else ""


def take_step(request: HttpRequest, app: str, action: str, act: Callable[[str], object]) -> None:
    """Have ``act`` take the step with the form's remark, and tell what came of it."""
    form = Remark(request.POST)
    form.is_valid()
    try:
        act(form.cleaned_data.get("remark", ""))
    except CannotAct as refusal:
        messages.error(request, text(f"{app}.cannot.{refusal.why}"))
    else:
        messages.success(request, text(f"{app}.done.{action}"))


def csv_file(content: bytes, name: str) -> HttpResponse:
    """A download."""
    response = HttpResponse(content, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def note(user: User, action: str, subject: str, institution: str, **facts: int) -> None:
    """Who looked at what, into the audit log."""
    chain.record(
        at=clock.now(),
        actor=user.username,
        role=user.role,
        action=action,
        subject=subject,
        institution=institution,
        facts=facts,
    )
