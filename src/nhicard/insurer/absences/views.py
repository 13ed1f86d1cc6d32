"""The pages: cases of an institution or a division, one case with its evidence, an institution's reports."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from django.contrib import messages
from django.db import transaction
from django.db.models import Count, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from nhicard.insurer import clock
from nhicard.insurer.absences import presenters
from nhicard.insurer.absences.forms import Asked, Report
from nhicard.insurer.absences.models import (
    TO_DO,
    UNSETTLED,
    AbsenceList,
    Case,
    Evidence,
    ReportedAbsence,
    Run,
    State,
)
from nhicard.insurer.absences.services import acting, reporting
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
from nhicard.insurer.cases.presenters import Tally, choices, tallies, told
from nhicard.insurer.portal.texts import text

_REPORTS: Final = 50
_INSTITUTIONS: Final = 20
_EVIDENCE: Final = 200


@require_GET
@allowed(*EVERYBODY)
def cases(request: HttpRequest) -> HttpResponse:
    """The cases that one may look at, what is to be done first."""
    user, today = signed_in(request), clock.now().date()
    everything = _visible(user)
    page = page_of(request, _asked_for(request, everything))
    names, counts = short_names(each.institution for each in page), _counts(page)
    newest = AbsenceList.objects.order_by("pk").last()
    shown = {
        "is_own": user.institution is not None,
        "page": page,
        "rows": [presenters.row(each, counts, names, today) for each in page],
        "to_do": everything.filter(state__in=TO_DO).count(),
        "overdue": everything.filter(state=State.OVERDUE).count(),
        "explained": everything.filter(state=State.EXPLAINED).count(),
        "tallies": [] if user.institution else _tallies(everything),
        "states": choices("absences.state", State.values),
        "asked": request.GET.dict(),
        "query": query_without_page(request),
        "run": roc_day(Run.objects.order_by("-as_of").values_list("as_of", flat=True).first()),
        "list_of": roc_day(newest.as_of if newest else None),
    }
    return render(request, "absences/list.html", shown)


@require_GET
@allowed(*EVERYBODY)
@transaction.atomic
def case(request: HttpRequest, number: int) -> HttpResponse:
    """One case: what names the physician, what became of it, what can be done. The look is written down."""
    user, now = signed_in(request), clock.now()
    found = _case_or_404(user, number)
    rows = found.evidence.select_related("visit__submission").defer("visit__fields").order_by("first_day", "pk")
    note(user, "absences.seen", f"case {found.pk}", found.institution)
    shown = {
        "case": found,
        "row": presenters.row(found, _counts([found]), short_names([found.institution]), now.date()),
        "evidence": [presenters.shown(each) for each in rows[:_EVIDENCE]],
        "further": max(0, rows.count() - _EVIDENCE),
        "history": [told("absences", each) for each in found.steps.order_by("pk")],
        "actions": acting.WORKFLOW.open_to(user, found),
        "is_own": user.institution is not None,
    }
    return render(request, "absences/case.html", shown)


@require_POST
@allowed(*INSTITUTION, *DIVISION)
def act(request: HttpRequest, number: int, action: str) -> HttpResponse:
    """Explain, accept, return or uphold."""
    user = signed_in(request)
    found = _case_or_404(user, number)
    take_step(request, "absences", action, lambda remark: acting.act(found, action, user, remark, clock.now()))
    return redirect("absences:case", number)


@require_http_methods(["GET", "POST"])
@allowed(*INSTITUTION)
def reports(request: HttpRequest) -> HttpResponse:
    """The institution's reports, and a form for another."""
    user = signed_in(request)
    form = Report(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            reporting.report(reporting.Journey(**form.cleaned_data), user, clock.now())
        except reporting.Refused as refusal:
            form.add_error(_FIELD_OF[refusal.why], text(f"absences.refused.{refusal.why}"))
        else:
            messages.success(request, text("absences.done.report"))
            return redirect("absences:reports")
    found = ReportedAbsence.objects.filter(institution=user.institution).order_by("-exit_on", "-pk")[:_REPORTS]
    shown = {"form": form, "reports": [presenters.reported(each) for each in found]}
    return render(request, "absences/reports.html", shown, status=422 if form.errors else 200)


_FIELD_OF: Final = {
    reporting.Why.PHYSICIAN: "physician",
    reporting.Why.REPLACEMENT: "replacement",
    reporting.Why.SAME: "replacement",
    reporting.Why.DAYS: "entry_on",
    reporting.Why.OVERLAP: "exit_on",
    reporting.Why.AWAY: "replacement",
}


@require_POST
@allowed(*INSTITUTION)
def withdraw(request: HttpRequest, number: int) -> HttpResponse:
    """Take a report back."""
    user = signed_in(request)
    found = ReportedAbsence.objects.filter(institution=user.institution, pk=number).first()
    if found is None:
        raise Http404
    reporting.withdraw(found, user, clock.now())
    messages.success(request, text("absences.done.withdraw"))
    return redirect("absences:reports")


@require_GET
@allowed(*EVERYBODY)
@transaction.atomic
def cases_csv(request: HttpRequest) -> HttpResponse:
    """The cases that are asked for, as a file."""
    user, now = signed_in(request), clock.now()
    found = list(_asked_for(request, _visible(user)))
    names, counts = short_names(each.institution for each in found), _counts(found)
    content = presenters.as_csv([presenters.row(each, counts, names, now.date()) for each in found])
    note(user, "absences.downloaded", "cases", own_code(user), rows=len(found))
    return csv_file(content, f"absences-{now:%Y%m%d}.csv")


def _visible(user: User) -> QuerySet[Case]:
    return Case.objects.filter(institution__in=visible(user).values("code"))


def _case_or_404(user: User, number: int) -> Case:
    found = _visible(user).filter(pk=number).first()
    if found is None:
        raise Http404
    return found


def _asked_for(request: HttpRequest, found: QuerySet[Case]) -> QuerySet[Case]:
    form = Asked(request.GET)
    form.is_valid()
    asked = form.cleaned_data
    if asked.get("state"):
        found = found.filter(state=asked["state"])
    found = of_institutions(found, (asked.get("q") or "").strip())
    return found.annotate(is_open=Q(state__in=UNSETTLED)).order_by("-is_open", "due", "pk")


def _counts(found: Iterable[Case]) -> dict[int, tuple[int, int]]:
    """Visits and claims that still name the physician, by case."""
    rows = Evidence.objects.filter(case__in=[each.pk for each in found], gone_at__isnull=True).values_list("case")
    counted = rows.annotate(visits=Count("pk", filter=Q(claim="")), claims=Count("pk", filter=~Q(claim="")))
    return {case: (visits, claims) for case, visits, claims in counted}


def _tallies(found: QuerySet[Case]) -> list[Tally]:
    rows = list(found.order_by().values_list("institution", "state").annotate(number=Count("pk")))
    return tallies(rows, State.values, short_names(code for code, _, _ in rows))[:_INSTITUTIONS]
