"""The pages: findings, one finding with its evidence, the detectors, and the text of a case for all."""

from __future__ import annotations

from typing import Final

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Case, Count, IntegerField, Q, QuerySet, When
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from nhicard.insurer import clock
from nhicard.insurer.accounts.models import Role, User
from nhicard.insurer.accounts.rights import DIVISION, EVERYBODY, INSTITUTION, INSURER, allowed, signed_in, visible
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
from nhicard.insurer.cases.presenters import choices, told
from nhicard.insurer.detectors import presenters
from nhicard.insurer.detectors.detector import detectors
from nhicard.insurer.detectors.forms import Asked, CaseText
from nhicard.insurer.detectors.models import UNSETTLED, Evidence, Finding, Run, State
from nhicard.insurer.detectors.services import acting, publishing
from nhicard.insurer.portal.texts import text

_EVIDENCE: Final = 100
_SEVERITY: Final = Case(
    When(severity="high", then=0), When(severity="medium", then=1), default=2, output_field=IntegerField()
)


@require_GET
@allowed(*EVERYBODY)
def findings(request: HttpRequest) -> HttpResponse:
    """The findings that one may look at, what is to be done first."""
    user, today = signed_in(request), clock.now().date()
    is_own = user.institution is not None
    everything = _visible(user)
    page = page_of(request, _asked_for(request, everything))
    names = short_names(each.institution for each in page)
    run = Run.objects.order_by("-month").first()
    counted = everything.order_by().values_list("detector", "state").annotate(number=Count("pk"))
    shown = {
        "is_own": is_own,
        "page": page,
        "rows": [presenters.row(each, names, today, is_own=is_own) for each in page],
        "tallies": [] if is_own else presenters.tallies(counted),
        "detectors": [presenters.words(each) for each in detectors().values()],
        "states": choices("detectors.state", State.values),
        "asked": request.GET.dict(),
        "query": query_without_page(request),
        "run": f"{run.month.year - 1911}/{run.month:%m}" if run else "",
    }
    return render(request, "detectors/list.html", shown)


@require_GET
@allowed(*EVERYBODY)
@transaction.atomic
def finding(request: HttpRequest, number: int) -> HttpResponse:
    """One finding: why it is one, its evidence, what became of it. The look is written down."""
    user, now = signed_in(request), clock.now()
    found = _finding_or_404(user, number)
    is_own = user.institution is not None
    rows = _evidence(found)
    note(user, "detectors.seen", f"finding {found.pk}", found.institution)
    history = found.steps.order_by("pk")
    if is_own:
        history = history.exclude(name__in=acting.INTERNAL).filter(at__gte=found.sent_at)
    shown = {
        "finding": found,
        "row": presenters.row(found, short_names([found.institution]), now.date(), is_own=is_own),
        "words": presenters.words(detectors()[found.detector]),
        "evidence": [presenters.shown(each, own_code(user)) for each in rows[:_EVIDENCE]],
        "further": max(0, rows.count() - _EVIDENCE),
        "history": [told("detectors", each) for each in history],
        "actions": acting.WORKFLOW.open_to(user, found),
        "is_own": is_own,
        "may_publish": user.role in (Role.SUPERVISOR, Role.HEADQUARTERS)
        and found.state == State.UPHELD
        and found.announcement_id is None,
    }
    return render(request, "detectors/finding.html", shown)


@require_POST
@allowed(*INSTITUTION, *DIVISION)
def act(request: HttpRequest, number: int, action: str) -> HttpResponse:
    """Any step of ``acting.WORKFLOW``."""
    user = signed_in(request)
    found = _finding_or_404(user, number)
    take_step(request, "detectors", action, lambda remark: acting.act(found, action, user, remark, clock.now()))
    return redirect("detectors:finding", number)


@require_http_methods(["GET", "POST"])
@allowed(Role.SUPERVISOR, Role.HEADQUARTERS)
def publish(request: HttpRequest, number: int) -> HttpResponse:
    """The text of a case for all: a draft to be edited, published as an announcement."""
    user = signed_in(request)
    found = _finding_or_404(user, number)
    if found.state != State.UPHELD or found.announcement_id is not None:
        raise Http404
    title, body = publishing.draft(found)
    form = CaseText(request.POST) if request.method == "POST" else CaseText(initial={"title": title, "body": body})
    if request.method == "POST" and form.is_valid():
        try:
            made = publishing.publish_case(found, **form.cleaned_data, author=user, now=clock.now())
        except publishing.Tells as refusal:
            form.add_error("body", text(str(refusal)))
        except PermissionDenied:  # somebody was faster
            raise Http404 from None
        else:
            messages.success(request, text("detectors.done.publish"))
            return redirect("announcements:detail", made.pk)
    return render(
        request, "detectors/publish.html", {"finding": found, "form": form}, status=422 if form.errors else 200
    )


@require_GET
@allowed(*INSURER)
def rules(request: HttpRequest) -> HttpResponse:
    """The detectors with their defaults."""
    return render(
        request, "detectors/rules.html", {"detectors": [presenters.words(each) for each in detectors().values()]}
    )


@require_GET
@allowed(*EVERYBODY)
@transaction.atomic
def findings_csv(request: HttpRequest) -> HttpResponse:
    """The findings that are asked for, as a file."""
    user, now = signed_in(request), clock.now()
    found = list(_asked_for(request, _visible(user)))
    names = short_names(each.institution for each in found)
    is_own = user.institution is not None
    content = presenters.as_csv([presenters.row(each, names, now.date(), is_own=is_own) for each in found])
    note(user, "detectors.downloaded", "findings", own_code(user), rows=len(found))
    return csv_file(content, f"findings-{now:%Y%m%d}.csv")


@require_GET
@allowed(*EVERYBODY)
@transaction.atomic
def evidence_csv(request: HttpRequest, number: int) -> HttpResponse:
    """All evidence of a finding, as a file."""
    user = signed_in(request)
    found = _finding_or_404(user, number)
    rows = [presenters.shown(each, own_code(user)) for each in _evidence(found)]
    note(user, "detectors.downloaded", f"finding {found.pk}", found.institution, rows=len(rows))
    return csv_file(presenters.evidence_csv(rows), f"finding-{found.pk}.csv")


def _visible(user: User) -> QuerySet[Finding]:
    """An institution sees what its division has sent to it, the insurer's people everything of their institutions."""
    found = Finding.objects.filter(institution__in=visible(user).values("code"))
    return found.filter(sent_at__isnull=False) if user.institution else found


def _finding_or_404(user: User, number: int) -> Finding:
    found = _visible(user).filter(pk=number).first()
    if found is None or found.detector not in detectors():
        raise Http404
    return found


def _evidence(found: Finding) -> QuerySet[Evidence]:
    rows = found.evidence.select_related("visit__submission").defer("visit__fields")
    return rows.order_by("-is_current", "day", "pk")


def _asked_for(request: HttpRequest, found: QuerySet[Finding]) -> QuerySet[Finding]:
    form = Asked(request.GET)
    form.is_valid()
    asked = form.cleaned_data
    for name in ("detector", "state"):
        if asked.get(name):
            found = found.filter(**{name: asked[name]})
    found = of_institutions(found, (asked.get("q") or "").strip())
    told = found.filter(detector__in=list(detectors()))
    return told.annotate(is_open=Q(state__in=UNSETTLED), rank=_SEVERITY).order_by("-is_open", "rank", "-day", "pk")
