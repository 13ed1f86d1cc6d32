"""The pages: an institution's SAMs and applications; for the insurer those that wait for a decision, and all SAMs."""

from __future__ import annotations

from typing import Final

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_POST

from nhicard.insurer import clock
from nhicard.insurer.accounts.models import CardDevice, Role, User
from nhicard.insurer.accounts.rights import (
    DIVISION,
    EVERYBODY,
    INSURER,
    allowed,
    institution_or_404,
    signed_in,
    visible,
)
from nhicard.insurer.datacentre.models import CloudSamApplication
from nhicard.insurer.portal.texts import text
from nhicard.insurer.registry.models import Institution, SecurityModule, StaffCard
from nhicard.insurer.securitymodules import presenters, services
from nhicard.insurer.securitymodules.forms import Decide, Download, Revoke, Search
from nhicard.insurer.securitymodules.readers import comparison
from nhicard.insurer.securitymodules.services import CannotDo

A_PAGE: Final = 50


@require_GET
@allowed(*EVERYBODY)
def security_modules(request: HttpRequest) -> HttpResponse:
    """The institution's own; for the insurer all that one may look at."""
    user = signed_in(request)
    if user.institution:
        return _institution_page(request, user, user.institution)
    return _list_page(request, user)


@require_GET
@allowed(*INSURER)
def of_institution(request: HttpRequest, code: str) -> HttpResponse:
    """Those of one institution."""
    user = signed_in(request)
    return _institution_page(request, user, institution_or_404(user, code))


@require_POST
@allowed(Role.REPRESENTATIVE)
def apply(request: HttpRequest) -> HttpResponse:
    """Apply for a cloud SAM."""
    try:
        services.apply(signed_in(request), _card(request), clock.now())
    except CannotDo as refusal:
        _tell(request, refusal)
    else:
        messages.success(request, text("securitymodules.applied"))
    return redirect("securitymodules:list")


@sensitive_post_parameters("password", "again")
@require_POST
@allowed(Role.REPRESENTATIVE)
def download(request: HttpRequest, number: int) -> HttpResponse:
    """The file of an approved application, once; nothing of it stays anywhere but with the user."""
    user, now = signed_in(request), clock.now()
    _application_or_404(user, number)
    form = Download(request.POST)
    if not form.is_valid():
        told = [str(each) for each in form.non_field_errors()] or [text("securitymodules.cannot.password")]
        messages.error(request, told[0])
        return redirect("securitymodules:list")
    try:
        name, content = services.download(user, _card(request), number, form.cleaned_data["password"], now)
    except CannotDo as refusal:
        _tell(request, refusal)
        return redirect("securitymodules:list")
    response = HttpResponse(content, content_type="application/octet-stream")
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["Cache-Control"] = "no-store"
    return response


@require_POST
@allowed(*DIVISION)
def decide(request: HttpRequest, number: int) -> HttpResponse:
    """Approve or refuse an application."""
    user = signed_in(request)
    application = _application_or_404(user, number)
    form = Decide(request.POST)
    if not form.is_valid():
        messages.error(request, text("securitymodules.wrong"))
        return redirect("securitymodules:list")
    told = form.cleaned_data
    approved = told["decision"] == "approve"
    try:
        services.decide(application, user, clock.now(), approved=approved, reason=told["reason"].strip())
    except CannotDo as refusal:
        _tell(request, refusal)
    else:
        messages.success(request, text("securitymodules.approved" if approved else "securitymodules.refused"))
    return redirect("securitymodules:list")


@require_POST
@allowed(Role.REPRESENTATIVE, *DIVISION)
def revoke(request: HttpRequest, number: int) -> HttpResponse:
    """Revoke a SAM; the representative may apply for a cloud SAM in its place in the same step."""
    user, now = signed_in(request), clock.now()
    sam = SecurityModule.objects.filter(institution__in=visible(user), pk=number).first()
    if sam is None:
        raise Http404
    back = (
        redirect("securitymodules:list")
        if user.institution
        else redirect("securitymodules:of_institution", sam.institution.code)
    )
    form = Revoke(request.POST)
    if not form.is_valid():
        messages.error(request, text("securitymodules.wrong"))
        return back
    reason, anew = form.cleaned_data["reason"], form.cleaned_data["anew"] and user.institution is not None
    try:
        if anew:
            services.issue_anew(sam, user, _card(request), reason, now)
        else:
            services.revoke(sam, user, reason, now)
    except CannotDo as refusal:
        _tell(request, refusal)
    else:
        messages.success(request, text("securitymodules.revoked_anew" if anew else "securitymodules.revoked"))
    return back


def _institution_page(request: HttpRequest, user: User, institution: Institution) -> HttpResponse:
    now = clock.now()
    sams = institution.security_modules.select_related("institution", "revocation").order_by(
        "is_cloud", "-issued_on", "number"
    )
    applications = list(
        institution.cloud_sam_applications.select_related("institution", "sam", "decision").order_by(
            "-applied_at", "-pk"
        )
    )
    is_waiting = any(each.state in services.WAITING for each in applications)
    shown = {
        "institution": institution,
        "is_own": user.institution is not None,
        "is_representative": user.role == Role.REPRESENTATIVE,
        "may_apply": user.role == Role.REPRESENTATIVE and not is_waiting,
        "may_revoke": user.role in (Role.REPRESENTATIVE, *DIVISION),
        "may_decide": user.is_of_division,
        "rows": [presenters.row(each, now) for each in sams],
        "applications": [presenters.application(each) for each in applications],
        "reasons": presenters.reasons(),
        "comparison": comparison(english=presenters.is_english()),
        "shortest": services.SHORTEST_PASSWORD,
    }
    return render(request, "securitymodules/institution.html", shown)


def _list_page(request: HttpRequest, user: User) -> HttpResponse:
    now = clock.now()
    waiting = CloudSamApplication.objects.filter(institution__in=visible(user), state=CloudSamApplication.State.APPLIED)
    page = Paginator(_asked_for(request, visible(user)), A_PAGE).get_page(request.GET.get("page"))
    query = request.GET.copy()
    query.pop("page", None)
    shown = {
        "waiting": [
            presenters.application(each)
            for each in waiting.select_related("institution", "sam").order_by("applied_at", "pk")[:A_PAGE]
        ],
        "may_decide": user.is_of_division,
        "page": page,
        "rows": [presenters.row(each, now) for each in page],
        "asked": request.GET.dict(),
        "query": query.urlencode(),
    }
    return render(request, "securitymodules/list.html", shown)


def _asked_for(request: HttpRequest, institutions: QuerySet[Institution]) -> QuerySet[SecurityModule]:
    form = Search(request.GET)
    form.is_valid()
    asked = form.cleaned_data
    found = SecurityModule.objects.filter(institution__in=institutions).select_related("institution", "revocation")
    if wanted := asked.get("q", "").strip():
        found = found.filter(Q(institution__code__startswith=wanted) | Q(institution__name__contains=wanted))
    if asked.get("kind"):
        found = found.filter(is_cloud=asked["kind"] == "cloud")
    if asked.get("state"):
        found = found.filter(revoked_at__isnull=asked["state"] == "good")
    return found.order_by("institution__code", "is_cloud", "number")


def _application_or_404(user: User, number: int) -> CloudSamApplication:
    found = CloudSamApplication.objects.filter(institution__in=visible(user), pk=number).first()
    if found is None:
        raise Http404
    return found


def _card(request: HttpRequest) -> StaffCard | None:
    """The staff card with which the session began, if it did."""
    device = getattr(request.user, "otp_device", None)
    return device.card if isinstance(device, CardDevice) else None


def _tell(request: HttpRequest, refusal: CannotDo) -> None:
    messages.error(request, text(f"securitymodules.cannot.{refusal.why}"))
