"""醫事機構試辦計畫線上申請作業: the kinds, a draft, its files, handing in."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods

from nhicard.insurer import clock
from nhicard.insurer.accounts.models import Role, User
from nhicard.insurer.accounts.rights import INSTITUTION, allowed, signed_in
from nhicard.insurer.applications import presenters
from nhicard.insurer.applications.forms import CaseForm
from nhicard.insurer.applications.models import Case, State
from nhicard.insurer.applications.services import attachments, cases, preconditions
from nhicard.insurer.applications.services.refusals import Refused
from nhicard.insurer.applications.tables import Kind, kinds
from nhicard.insurer.portal.texts import text


@require_GET
@allowed(*INSTITUTION)
def new(request: HttpRequest) -> HttpResponse:
    """Every kind with its preconditions, met or not."""
    user, now = signed_in(request), clock.now()
    drafts = set(Case.objects.filter(institution=user.institution, state=State.DRAFT).values_list("kind", flat=True))
    offers = [
        {
            "code": kind.code,
            "name": text(f"applications.kind.{kind.code}"),
            "about": text(f"applications.kind.{kind.code}.about"),
            "conditions": _conditions(kind, user, now),
            "has_draft": kind.code in drafts,
        }
        for kind in kinds().values()
    ]
    return render(request, "applications/new.html", {"offers": offers})


@require_http_methods(["GET", "POST"])
@allowed(*INSTITUTION)
def apply(request: HttpRequest) -> HttpResponse:
    """The draft of ``?kind=``: shown, kept, given files, handed in by the representative."""
    kind = request.GET.get("kind", "")
    chosen = kinds().get(kind)
    if chosen is None:
        return redirect("applications:new")
    user, now = signed_in(request), clock.now()
    if request.method == "GET":
        found = Case.objects.filter(institution=user.institution, kind=kind, state=State.DRAFT).first()
        begun = found or Case(kind=kind, contact_name=user.name, contact_email=user.email)
        form = CaseForm(chosen, now.date(), initial={name: getattr(begun, name) for name in cases.WRITTEN}, whole=False)
        return _page(request, chosen, found, form, now)
    wish = request.POST.get("wish", "save")
    form = CaseForm(chosen, now.date(), request.POST, whole=wish == "submit")
    case = cases.draft(user, kind, now)
    if not form.is_valid():
        return _page(request, chosen, case, form, now, status=422)
    try:
        cases.write(case, form.facts())
        return _carry_out(request, wish, case, user, now)
    except Refused as refusal:
        form.add_error(None, text(f"applications.refused.{refusal.name}"))
        return _page(request, chosen, case, form, now, status=422)


def _carry_out(request: HttpRequest, wish: str, case: Case, user: User, now: datetime) -> HttpResponse:
    """What the pressed button says; the draft has been kept."""
    if wish == "submit":
        handed_in = cases.act(case.pk, "submit", user, now)
        messages.success(request, text("applications.submitted", number=handed_in.number))
        return redirect("applications:case", handed_in.number)
    if wish.startswith("remove-"):
        attachments.remove(case, wish.removeprefix("remove-"))
        messages.success(request, text("applications.removed"))
    else:
        for file in request.FILES.getlist("file"):
            if (file.size or 0) > attachments.LARGEST:
                raise Refused("file_large")
            attachments.add(case, file.name or "", file.read(), user, now)
        messages.success(request, text("applications.saved"))
    return redirect(f"{reverse('applications:apply')}?kind={case.kind}")


def _page(
    request: HttpRequest, kind: Kind, case: Case | None, form: CaseForm, now: datetime, status: int = 200
) -> HttpResponse:
    user = signed_in(request)
    told: dict[str, Any] = {
        "kind": kind,
        "kind_name": text(f"applications.kind.{kind.code}"),
        "kind_about": text(f"applications.kind.{kind.code}.about"),
        "institution": user.institution,
        "form": form,
        "conditions": _conditions(kind, user, now),
        "attachments": list(case.attachments.defer("content").order_by("pk")) if case else [],
        "consequences": presenters.consequences(now.date()) if kind.effect == "returned" else [],
        "may_submit": user.role == Role.REPRESENTATIVE,
    }
    return render(request, "applications/apply.html", told, status=status)


def _conditions(kind: Kind, user: User, now: datetime) -> list[presenters.Condition]:
    assert user.institution is not None
    return presenters.conditions(preconditions.of(kind, user.institution, now))
