"""The pages: an institution's settings, months and rewards; for the insurer a month by division and institution."""

from __future__ import annotations

from datetime import date
from typing import Final

from django.contrib import messages
from django.core.paginator import Paginator
from django.db import transaction
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from nhicard.insurer import clock
from nhicard.insurer.accounts.models import User
from nhicard.insurer.accounts.rights import (
    EVERYBODY,
    INSTITUTION,
    INSURER,
    allowed,
    institution_or_404,
    signed_in,
    visible,
)
from nhicard.insurer.applications.presenters import roc_moment
from nhicard.insurer.audit import chain
from nhicard.insurer.portal.texts import text
from nhicard.insurer.registry.models import Institution
from nhicard.insurer.virtualcards import presenters
from nhicard.insurer.virtualcards.forms import Asked, Change
from nhicard.insurer.virtualcards.models import FIGURES, MonthFigures, Setting
from nhicard.insurer.virtualcards.services import months, participating
from nhicard.insurer.virtualcards.services.counting import bound, month_of, months_before
from nhicard.insurer.virtualcards.services.participating import CannotDo

A_PAGE: Final = 50
_MONTHS: Final = 12


@require_GET
@allowed(*EVERYBODY)
def overview(request: HttpRequest) -> HttpResponse:
    """The institution's own; for the insurer a month of all that one may look at."""
    user = signed_in(request)
    if user.institution:
        return _institution_page(request, user.institution)
    return _list_page(request, user)


@require_GET
@allowed(*INSURER)
def of_institution(request: HttpRequest, code: str) -> HttpResponse:
    """An institution's settings, months and rewards."""
    return _institution_page(request, institution_or_404(signed_in(request), code))


@require_POST
@allowed(*INSTITUTION)
def join(request: HttpRequest) -> HttpResponse:
    """Take part in a setting from a day on."""
    return _change(request, is_joining=True)


@require_POST
@allowed(*INSTITUTION)
def leave(request: HttpRequest) -> HttpResponse:
    """Take part in a setting until a day."""
    return _change(request, is_joining=False)


@require_GET
@allowed(*INSURER)
@transaction.atomic
def figures_csv(request: HttpRequest) -> HttpResponse:
    """The month's figures of all institutions that are asked for."""
    return _file(request, "figures", rewarded_only=False)


@require_GET
@allowed(*INSURER)
@transaction.atomic
def rewards_csv(request: HttpRequest) -> HttpResponse:
    """The month's reward list: those that earned something."""
    return _file(request, "rewards", rewarded_only=True)


def _change(request: HttpRequest, *, is_joining: bool) -> HttpResponse:
    user, now = signed_in(request), clock.now()
    form = Change(request.POST)
    if not form.is_valid():
        messages.error(request, text("virtualcards.wrong.day"))
        return redirect("virtualcards:overview")
    change = participating.join if is_joining else participating.leave
    try:
        change(user, Setting(form.cleaned_data["setting"]), form.cleaned_data["day"] or now.date(), now)
    except CannotDo as refusal:
        messages.error(request, text(f"virtualcards.cannot.{refusal.why}"))
    else:
        messages.success(request, text("virtualcards.joined" if is_joining else "virtualcards.left"))
    return redirect("virtualcards:overview")


def _institution_page(request: HttpRequest, institution: Institution) -> HttpResponse:
    user, now = signed_in(request), clock.now()
    rule = months.rule()
    rows = MonthFigures.objects.filter(institution=institution).order_by("-month")[:_MONTHS]
    shown = {
        "institution": institution,
        "is_own": user.institution is not None,
        "standings": presenters.standings(institution, now.date()),
        "rows": presenters.rows(months.lines(rows), rule),
        "figures": _names(),
        "rewards": presenters.rewards(rule),
        "rule": rule,
        "ceiling": f"{rule.ceiling:,}",
    }
    return render(request, "virtualcards/institution.html", shown)


def _list_page(request: HttpRequest, user: User) -> HttpResponse:
    month, found = _asked(request, user)
    rule, now = months.rule(), clock.now()
    lines = months.lines(found)
    page = Paginator(lines, A_PAGE).get_page(request.GET.get("page"))
    query = request.GET.copy()
    query.pop("page", None)
    shown = {
        "month": presenters.month_text(month),
        "months": [presenters.month_text(months_before(month_of(now.date()), each)) for each in range(_MONTHS)],
        "counted_at": roc_moment(max((each.counted_at for each in lines), default=None)),
        "bound": bound(month, now),
        "sums": presenters.sums(months.by_division(lines)),
        "page": page,
        "rows": presenters.rows(page, rule),
        "figures": _names(),
        "rewards": presenters.rewards(rule),
        "rule": rule,
        "ceiling": f"{rule.ceiling:,}",
        "asked": request.GET.dict(),
        "query": query.urlencode(),
        "divisions": [] if user.is_of_division else [(each, text(f"division.{each}")) for each in range(1, 7)],
    }
    return render(request, "virtualcards/list.html", shown)


def _asked(request: HttpRequest, user: User) -> tuple[date, QuerySet[MonthFigures]]:
    """The month that is asked for, else the last one that was counted, and its figures as asked for."""
    form = Asked(request.GET)
    form.is_valid()
    asked = form.cleaned_data
    counted = MonthFigures.objects.order_by("-month").values_list("month", flat=True).first()
    month = asked.get("month") or counted or month_of(clock.now().date())
    found = MonthFigures.objects.filter(month=month, institution__in=visible(user))
    if asked.get("division"):
        found = found.filter(institution__division=asked["division"])
    if wanted := (asked.get("q") or "").strip():
        found = found.filter(Q(institution__code__startswith=wanted) | Q(institution__name__contains=wanted))
    return month, found.order_by("institution__code")


def _file(request: HttpRequest, name: str, *, rewarded_only: bool) -> HttpResponse:
    user = signed_in(request)
    month, found = _asked(request, user)
    content = months.as_csv(months.lines(found), rewarded_only=rewarded_only)
    chain.record(
        at=clock.now(),
        actor=user.username,
        role=user.role,
        action=f"virtual_cards.{name}_downloaded",
        subject=f"month {month:%Y-%m}",
    )
    response = HttpResponse(content, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="virtual-cards-{name}-{month:%Y%m}.csv"'
    return response


def _names() -> list[str]:
    return [text(f"virtualcards.figure.{each}") for each in FIGURES]
