"""Steps of a case by a button, and the division's work list."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from django.contrib import messages
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from nhicard.insurer import clock
from nhicard.insurer.accounts.models import Role, User
from nhicard.insurer.accounts.rights import DIVISION, allowed, signed_in
from nhicard.insurer.applications import presenters
from nhicard.insurer.applications.forms import OrderForm, WorkForm
from nhicard.insurer.applications.models import OPEN, Case
from nhicard.insurer.applications.services import cases
from nhicard.insurer.applications.services.guards import Order
from nhicard.insurer.applications.services.refusals import Refused
from nhicard.insurer.applications.views.lookup import case_or_404, cases_of, colleagues
from nhicard.insurer.applications.views.query import show
from nhicard.insurer.portal.texts import text

#: Steps that may be taken with many cases at once.
BULK: Final = ("agree", "refuse", "propose-agree", "propose-refuse", "reassign")
STEPS: Final = (*BULK, "send-back", "withdraw")
_SOON: Final = timedelta(days=3)
_MOST: Final = 200


@require_POST
@allowed(Role.REPRESENTATIVE, *DIVISION)
def act(request: HttpRequest, number: str, action: str) -> HttpResponse:
    """Take one step, and show the case again."""
    user = signed_in(request)
    case = case_or_404(user, number)
    if action not in STEPS:
        raise Http404
    form = OrderForm(colleagues(case.institution.division), request.POST)
    if not form.is_valid():
        return show(request, case, form, status=422)
    try:
        cases.act(case.pk, action, user, clock.now(), Order(**form.cleaned_data))
    except Refused as refusal:
        form.add_error(None, text(f"applications.refused.{refusal.name}"))
        return show(request, case_or_404(user, number), form, status=409)
    messages.success(request, text("applications.done", action=text(f"applications.action.{action}"), number=number))
    return redirect("applications:case", number)


@require_GET
@allowed(*DIVISION)
def work(request: HttpRequest) -> HttpResponse:
    """What the division has to decide, the most urgent first."""
    user, now, form = signed_in(request), clock.now(), WorkForm(request.GET)
    wish = form.cleaned_data if form.is_valid() else {}
    waiting = list(_wanted(cases_of(user), wish, user, now).order_by("due_on", "pk")[:_MOST])
    steps = dict.fromkeys(each.name for case in waiting for each in presenters.actions(case, user) if each.name in BULK)
    told = {
        "form": form,
        "order": OrderForm(colleagues(user.division), initial={"effective_from": now.date()}),
        "rows": presenters.rows(waiting, now.date()),
        "steps": [{"name": name, "told": text(f"applications.action.{name}")} for name in steps],
    }
    return render(request, "applications/work.html", told)


@require_POST
@allowed(*DIVISION)
def bulk(request: HttpRequest) -> HttpResponse:
    """The same step for the chosen cases; the list of outcomes is the answer."""
    user, now = signed_in(request), clock.now()
    action = request.POST.get("action", "")
    form = OrderForm(colleagues(user.division), request.POST)
    numbers = request.POST.getlist("number")[:_MOST]
    chosen = [case_or_404(user, number) for number in dict.fromkeys(numbers)]
    if action not in BULK or not chosen or not form.is_valid():
        messages.error(request, text("applications.bulk_unclear"))
        return redirect("applications:work")
    outcomes = cases.act_on_many(chosen, action, user, now, Order(**form.cleaned_data))
    for outcome in outcomes:
        told = f"applications.refused.{outcome.refused}" if outcome.refused else "applications.outcome.done"
        level = messages.ERROR if outcome.refused else messages.SUCCESS
        messages.add_message(request, level, f"{outcome.number}：{text(told)}")
    return redirect("applications:work")


def _wanted(found: QuerySet[Case], wish: dict[str, Any], user: User, now: datetime) -> QuerySet[Case]:
    conditions = Q(state=wish["state"]) if wish.get("state") else Q(state__in=OPEN)
    if wish.get("kind"):
        conditions &= Q(kind=wish["kind"])
    if wish.get("age") == "overdue":
        conditions &= Q(due_on__lt=now.date())
    if wish.get("age") == "soon":
        conditions &= Q(due_on__range=(now.date(), now.date() + _SOON))
    if wish.get("mine"):
        conditions &= Q(officer=user)
    return found.filter(conditions)
