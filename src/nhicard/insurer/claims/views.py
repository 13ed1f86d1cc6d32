"""Pages of claim files: of an institution its months and files, of a division its institutions."""

from __future__ import annotations

from typing import Any, Final

from django.contrib import messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from nhicard.formats.claims import KINDS, table
from nhicard.insurer import clock
from nhicard.insurer.accounts.models import Role, User
from nhicard.insurer.accounts.rights import (
    DIVISION,
    EVERYBODY,
    INSTITUTION,
    allowed,
    institution_or_404,
    signed_in,
    visible,
)
from nhicard.insurer.audit import chain
from nhicard.insurer.claims import forms, presenters
from nhicard.insurer.claims.heads import NoClaim
from nhicard.insurer.claims.models import ClaimFile, ClaimFinding, ClaimMonth, Format, Meaning, State
from nhicard.insurer.claims.services import downloads, months, overview, receiving
from nhicard.insurer.intake.limits import LARGEST_UPLOAD
from nhicard.insurer.portal.texts import text
from nhicard.insurer.registry.models import Institution

#: Who may see which case a finding is about; auditors see that it was seen.
MAY_SEE_CASES: Final = (*INSTITUTION, *DIVISION, Role.HEADQUARTERS)
_PAGE: Final = 50
_FILES: Final = 20
_MONTHS: Final = 24
_MEGABYTES: Final = LARGEST_UPLOAD >> 20
_OPENED: Final = "claims.opened"


@require_GET
@allowed(*EVERYBODY)
def claims(request: HttpRequest) -> HttpResponse:
    """The institution's own months; for the insurer the institutions by state."""
    user = signed_in(request)
    if user.institution:
        return _institution_page(request, user, user.institution)
    institutions = visible(user)
    known = list(ClaimMonth.objects.filter(institution__in=institutions).values_list("month", flat=True).distinct())
    asked = forms.query(request.GET, known, clock.now().date())
    found = overview.overview(institutions, asked)
    states = [(state, text(f"claims.state.{state}")) for state in (*State.values, forms.NOTHING)]
    shown = {
        "asked": asked,
        "formats": [(form, text(f"claims.format.{form}")) for form in Format.values],
        "months": [
            (f"{each:%Y-%m}", presenters.month_text(each)) for each in months.newest([*known, asked.month], _MONTHS)
        ],
        "month": f"{asked.month:%Y-%m}",
        "states": [(state, name, found.counts.get(state, 0), asked.link(state=state)) for state, name in states],
        "every_state": asked.link(state=""),
        "lines": [(line.institution, [presenters.entry(each) for each in line.months]) for line in found.lines],
        "more": asked.link(after=found.after) if found.after else "",
    }
    return render(request, "claims/overview.html", shown)


@require_GET
@allowed(*EVERYBODY)
def of_institution(request: HttpRequest, code: str) -> HttpResponse:
    """The months and files of an institution."""
    user = signed_in(request)
    return _institution_page(request, user, institution_or_404(user, code))


@require_http_methods(["GET", "POST"])
@allowed(*INSTITUTION)
def new(request: HttpRequest) -> HttpResponse:
    """The form, and a file that comes through it."""
    shown: dict[str, Any] = {"megabytes": _MEGABYTES}
    if request.method == "GET":
        return render(request, "claims/new.html", shown)
    user, file = signed_in(request), request.FILES.get("file")
    if file is None or not file.size:
        return render(request, "claims/new.html", shown | {"fault": text("claims.error.file")}, status=422)
    if file.size > LARGEST_UPLOAD:
        return render(request, "claims/new.html", shown | {"fault": _fault("too_large")}, status=422)
    assert user.institution is not None
    now = clock.now()
    try:
        with transaction.atomic():
            received = receiving.receive(user.institution, file.name or "", file.read(), user, now)
            _audit(user, "claim.sent", received.file, size=received.file.size, again=received.again)
    except NoClaim as refusal:
        return render(request, "claims/new.html", shown | {"fault": _fault(refusal.reason)}, status=422)
    if received.is_new:
        messages.success(request, text("claims.kept"))
    else:
        messages.warning(request, text("claims.checked_again" if received.again else "claims.same"))
    return redirect("claims:detail", received.file.pk)


@require_GET
@allowed(*EVERYBODY)
def detail(request: HttpRequest, number: int) -> HttpResponse:
    """One file: counts, sentences counted, and each finding; for the insurer the last only once it was opened."""
    user = signed_in(request)
    file = _file(user, number)
    meanings = {each.number: each for each in Meaning.objects.filter(file=file).order_by("number")}
    is_open = user.is_of_institution or (
        user.role in MAY_SEE_CASES and request.session.get(_OPENED) == [file.pk, file.turn]
    )
    shown: dict[str, Any] = {
        "file": presenters.row(file),
        "institution": file.institution,
        "is_own": user.is_of_institution,
        "rules": [presenters.rule(each) for each in list(meanings.values())[:_PAGE]],
        "rules_off": file.rules_off,
        "is_open": is_open,
        "may_open": user.role in MAY_SEE_CASES,
        "may_download": user.role in MAY_SEE_CASES,
    }
    if is_open and meanings:
        shown |= _findings(request, file, meanings)
    return render(request, "claims/detail.html", shown)


@require_POST
@allowed(*MAY_SEE_CASES)
@transaction.atomic
def open_findings(request: HttpRequest, number: int) -> HttpResponse:
    """Open the findings of one file to somebody of the insurer: they tell of cases, and the audit log has it."""
    user = signed_in(request)
    file = _file(user, number)
    _audit(user, "claim.opened", file)
    request.session[_OPENED] = [file.pk, file.turn]
    return redirect("claims:detail", file.pk)


@require_POST
@allowed(*MAY_SEE_CASES)
@transaction.atomic
def result(request: HttpRequest, number: int) -> HttpResponse:
    """Result and findings with their values, encrypted with the user's own national ID; refused without one."""
    user = signed_in(request)
    file = _file(user, number)
    if file.checked_at is None:
        raise Http404
    if not user.national_id:
        messages.error(request, text("claims.no_password"))
        return redirect("claims:detail", file.pk)
    _audit(user, "claim.downloaded", file)
    name = f"nhicard-claim-{file.institution.code}-{file.pk}.zip"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return HttpResponse(downloads.result_zip(file, user.national_id), content_type="application/zip", headers=headers)


@require_GET
@allowed(*EVERYBODY)
def month(request: HttpRequest, number: int) -> HttpResponse:
    """One month: its state, what it completes, its files and everything that happened."""
    user = signed_in(request)
    found = ClaimMonth.objects.select_related("institution").filter(pk=number, institution__in=visible(user)).first()
    if found is None:
        raise Http404
    counting = months.in_force(found)
    files = found.files.select_related("month", "institution").order_by("-turn")[:_FILES]
    shown = {
        "month": presenters.entry(found),
        "institution": found.institution,
        "is_own": user.is_of_institution,
        "in_force": presenters.row(counting) if counting else None,
        "files": [presenters.row(each) for each in files],
        "steps": presenters.history(found.steps.order_by("number")),
    }
    return render(request, "claims/month.html", shown)


def _institution_page(request: HttpRequest, user: User, institution: Institution) -> HttpResponse:
    sent = list(ClaimMonth.objects.filter(institution=institution).order_by("-month"))
    latest = set(months.newest((each.month for each in sent), _MONTHS))
    sent = [each for each in sent if each.month in latest]
    formats = presenters.columns(institution, sent)
    files = _files(user).filter(institution=institution)
    before = request.GET.get("before", "")
    if before.isdecimal() and len(before) < 19:
        files = files.filter(pk__lt=int(before))
    rows = list(files.order_by("-pk")[: _FILES + 1])
    shown = {
        "institution": institution,
        "is_own": user.is_of_institution,
        "formats": [text(f"claims.format.{form}") for form in formats],
        "grid": presenters.grid(sent, formats),
        "files": [presenters.row(each) for each in rows[:_FILES]],
        "next": rows[_FILES - 1].pk if len(rows) > _FILES else None,
    }
    return render(request, "claims/institution.html", shown)


def _findings(request: HttpRequest, file: ClaimFile, meanings: dict[int, Meaning]) -> dict[str, Any]:
    """A page of findings: ``rule`` filters, ``after`` pages on."""
    found = ClaimFinding.objects.filter(file=file).order_by("pk")
    chosen, after = request.GET.get("rule", ""), request.GET.get("after", "")
    if chosen.isdecimal() and len(chosen) < 9:
        found = found.filter(meaning=int(chosen))
    if after.isdecimal() and len(after) < 19:
        found = found.filter(pk__gt=int(after))
    page = list(found.values("pk", "meaning", "case", "order", "value", "line", "key")[: _PAGE + 1])
    kind = next(each for each in KINDS if each == file.month.format)
    return {
        "findings": list(presenters.faults(page[:_PAGE], meanings, table(kind))),
        "next": page[_PAGE - 1]["pk"] if len(page) > _PAGE else None,
        "chosen": chosen,
        "is_first": not after,
    }


def _files(user: User) -> QuerySet[ClaimFile]:
    return ClaimFile.objects.select_related("month", "institution").filter(institution__in=visible(user))


def _file(user: User, number: int) -> ClaimFile:
    found = _files(user).filter(pk=number).first()
    if found is None:
        raise Http404
    return found


def _fault(reason: str) -> str:
    return text(f"claims.error.{reason}", size=_MEGABYTES)


def _audit(user: User, action: str, file: ClaimFile, **facts: Any) -> None:
    chain.record(
        at=clock.now(),
        actor=user.username,
        role=user.role,
        action=action,
        subject=f"claim-file {file.pk}",
        institution=file.institution.code,
        facts=facts,
    )
