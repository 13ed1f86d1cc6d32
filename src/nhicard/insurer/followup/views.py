"""The pages: the cases of an institution or a division, one case with its history, and the file."""

from __future__ import annotations

from typing import Final

from django.db import transaction
from django.db.models import Count, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from nhicard.insurer import clock
from nhicard.insurer.accounts.models import User
from nhicard.insurer.accounts.rights import DIVISION, EVERYBODY, INSTITUTION, allowed, signed_in, visible
from nhicard.insurer.applications.forms import roc_day
from nhicard.insurer.cases.pages import (
    csv_file,
    note,
    of_institutions,
    own_code,
    page_of,
    query_without_page,
    short_names,
    take_step,
)
from nhicard.insurer.cases.presenters import Tally, choices, tallies
from nhicard.insurer.followup import presenters
from nhicard.insurer.followup.forms import Asked
from nhicard.insurer.followup.models import TO_DO, BirthList, Case, Kind, Run, State
from nhicard.insurer.followup.services import acting

_INSTITUTIONS: Final = 20
#: Columns of a visit that the pages need; never all its fields.
_VISIT: Final = ("visit__visit_time", "visit__patient_id", "visit__edition", "visit__institution")


@require_GET
@allowed(*EVERYBODY)
def cases(request: HttpRequest) -> HttpResponse:
    """The cases that one may look at, what is to be done first."""
    user, today = signed_in(request), clock.now().date()
    everything = _visible(user)
    found = _asked_for(request, everything)
    page = page_of(request, found)
    names = short_names(each.institution for each in page)
    shown = {
        "is_own": user.institution is not None,
        "page": page,
        "rows": [presenters.row(each, names, today) for each in page],
        "to_do": everything.filter(state__in=TO_DO).count(),
        "overdue": everything.filter(state=State.OVERDUE).count(),
        "explained": everything.filter(state=State.EXPLAINED).count(),
        "tallies": [] if user.institution else _tallies(everything),
        "kinds": choices("followup.kind", Kind.values),
        "states": choices("followup.state", State.values),
        "asked": request.GET.dict(),
        "query": query_without_page(request),
        "run": roc_day(Run.objects.order_by("-as_of").values_list("as_of", flat=True).first()),
        "births": BirthList.objects.order_by("pk").last(),
    }
    return render(request, "followup/list.html", shown)


@require_GET
@allowed(*EVERYBODY)
def case(request: HttpRequest, number: int) -> HttpResponse:
    """One case: what was found, what became of it, what can be done."""
    user, today = signed_in(request), clock.now().date()
    found = _case_or_404(user, number)
    shown = {
        "case": found,
        "row": presenters.row(found, short_names([found.institution]), today),
        "history": [presenters.told(each) for each in found.steps.order_by("pk")],
        "actions": acting.WORKFLOW.open_to(user, found),
        "is_own": user.institution is not None,
    }
    return render(request, "followup/case.html", shown)


@require_POST
@allowed(*INSTITUTION, *DIVISION)
def act(request: HttpRequest, number: int, action: str) -> HttpResponse:
    """Explain, accept or return."""
    user = signed_in(request)
    found = _case_or_404(user, number)
    take_step(request, "followup", action, lambda remark: acting.act(found, action, user, remark, clock.now()))
    return redirect("followup:case", number)


@require_GET
@allowed(*EVERYBODY)
@transaction.atomic
def cases_csv(request: HttpRequest) -> HttpResponse:
    """The cases that are asked for, as a file."""
    user, now = signed_in(request), clock.now()
    found = list(_asked_for(request, _visible(user)))
    names = short_names(each.institution for each in found)
    content = presenters.as_csv([presenters.row(each, names, now.date()) for each in found])
    note(user, "followup.downloaded", "cases", own_code(user), rows=len(found))
    return csv_file(content, f"followup-{now:%Y%m%d}.csv")


def _visible(user: User) -> QuerySet[Case]:
    return Case.objects.filter(institution__in=visible(user).values("code"))


def _case_or_404(user: User, number: int) -> Case:
    found = _visible(user).select_related("visit").filter(pk=number).first()
    if found is None:
        raise Http404
    return found


def _asked_for(request: HttpRequest, found: QuerySet[Case]) -> QuerySet[Case]:
    form = Asked(request.GET)
    form.is_valid()
    asked = form.cleaned_data
    for name in ("kind", "state"):
        if asked.get(name):
            found = found.filter(**{name: asked[name]})
    found = of_institutions(found, (asked.get("q") or "").strip())
    is_settled = Q(state__in=[State.ACCEPTED, State.CORRECTED])
    ordered = found.annotate(is_settled=is_settled).order_by("is_settled", "due", "pk")
    names = [each.name for each in Case._meta.concrete_fields]
    return ordered.select_related("visit").only(*names, *_VISIT)


def _tallies(found: QuerySet[Case]) -> list[Tally]:
    counted = found.order_by().values_list("institution", "state").annotate(number=Count("pk"))
    rows = list(counted)
    return tallies(rows, State.values, short_names(code for code, _, _ in rows))[:_INSTITUTIONS]
