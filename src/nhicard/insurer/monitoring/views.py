"""The pages of the report. What is personal is hidden until a POST asks for it, once, and the audit log has it."""

from __future__ import annotations

from datetime import date
from typing import Any, Final
from urllib.parse import urlencode

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from nhicard.formats import rocdate
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
from nhicard.insurer.intake.models import EditionState, Visit
from nhicard.insurer.monitoring import presenting, presenting_records
from nhicard.insurer.monitoring.models import Qualification
from nhicard.insurer.monitoring.services import downloads, listing, qualification
from nhicard.insurer.monitoring.services.evidence import digest, thawed
from nhicard.insurer.monitoring.services.records import Asked, Group, behind, sent, slice_of, twins
from nhicard.insurer.monitoring.services.report import report, window
from nhicard.insurer.portal.texts import text
from nhicard.insurer.replica import reports

#: Who may see whom a record is about; auditors see that it was seen.
MAY_SEE_PERSONS: Final = (*INSTITUTION, *DIVISION, Role.HEADQUARTERS)
#: A page left open refreshes itself this often, a minute apart, so that it does not keep a session alive for good.
TURNS: Final = 20
_SHOWN: Final = "monitoring.shown"


@require_GET
@allowed(*EVERYBODY)
@reports()
def entrance(request: HttpRequest) -> HttpResponse:
    """The institution's own report; for the insurer the list of institutions with their ratios."""
    user = signed_in(request)
    if user.institution:
        return _report_page(request, user, user.institution.code)
    wanted, after = request.GET.get("q", "").strip()[:40], request.GET.get("after", "")[:10]
    found = listing.listed(visible(user), clock.now(), wanted, after)
    more = urlencode({"q": wanted, "after": found.after}) if found.after else ""
    lines = presenting.institutions(found.lines)
    return render(request, "monitoring/institutions.html", {"lines": lines, "wanted": wanted, "more": more})


@require_GET
@allowed(*EVERYBODY)
@reports()
def of_institution(request: HttpRequest, code: str) -> HttpResponse:
    """The report of an institution."""
    user = signed_in(request)
    return _report_page(request, user, institution_or_404(user, code).code)


@require_GET
@allowed(*EVERYBODY)
@reports()
def records(request: HttpRequest, code: str) -> HttpResponse:
    """The records behind a number, whom they are about hidden."""
    asked = _asked(request, institution_or_404(signed_in(request), code).code)
    after = int(text_) if (text_ := request.GET.get("after", "")).isdecimal() and len(text_) < 19 else 0
    found = slice_of(asked, after)
    groups = [
        (text(f"monitoring.group.{group}"), _link(_with_group(asked, group)), group == asked.group) for group in Group
    ]
    shown = {
        "code": code,
        "asked": asked,
        "day": presenting.day_text(asked.day) if asked.day else "",
        "category": presenting.category_text(asked.category) if asked.category else "",
        "count": behind(asked).count(),
        "groups": groups,
        "lines": presenting_records.lines(found.records),
        "more": f"{_link(asked)}&after={found.after}" if found.after else "",
        "first": _link(asked) if after else "",
    }
    return render(request, "monitoring/records.html", shown)


@require_GET
@allowed(*EVERYBODY)
@reports()
def record(request: HttpRequest, code: str, number: int) -> HttpResponse:
    """A record and its findings, edition beside edition; with personal data right after ``show``, once."""
    user, now = signed_in(request), clock.now()
    found = _record(user, code, number)
    shown = request.session.pop(_SHOWN, None) == found.pk and user.role in MAY_SEE_PERSONS
    attempts = [presenting_records.side(sent(each, now), shown=shown) for each in _in_force_first(found)]
    return render(
        request,
        "monitoring/record.html",
        {
            "code": code,
            "record": found,
            "at": presenting_records.time_text(found.visit_time),
            "patient": presenting_records.patient_text(found, shown=shown),
            "category": presenting.category_text(found.category),
            "real": presenting_records.side(sent(found, now), shown=shown),
            "precheck": attempts[0] if attempts else None,
            "earlier": attempts[1:],
            "shown": shown,
            "may_show": user.role in MAY_SEE_PERSONS,
        },
    )


@require_POST
@allowed(*MAY_SEE_PERSONS)
@transaction.atomic
def show(request: HttpRequest, code: str, number: int) -> HttpResponse:
    """Show a record's personal data on the page that follows, and write down that it was asked for."""
    user = signed_in(request)
    found = _record(user, code, number)
    _audit(user, "record.seen", f"visit {found.pk}", code)
    request.session[_SHOWN] = found.pk
    return redirect("monitoring:record", code, number)


@require_GET
@allowed(*EVERYBODY)
@transaction.atomic
def report_csv(request: HttpRequest, code: str) -> HttpResponse:
    """The report as CSV."""
    user, now = signed_in(request), clock.now()
    found = report(institution_or_404(user, code).code, now)
    _audit(user, "report.downloaded", f"report {found.as_of}", code)
    return _download(downloads.report_csv(found), "text/csv; charset=utf-8", f"{code}-{_stamp(found.as_of)}.csv")


@require_POST
@allowed(*MAY_SEE_PERSONS)
@transaction.atomic
def details_zip(request: HttpRequest, code: str) -> HttpResponse:
    """Results and error details, encrypted with the user's own national ID; refused to a user who has none."""
    user, now = signed_in(request), clock.now()
    institution = institution_or_404(user, code).code
    if not user.national_id:
        messages.error(request, text("monitoring.no_password"))
        return redirect("monitoring:of_institution", code)
    found = report(institution, now)
    _audit(user, "details.downloaded", f"details {found.as_of}", code, records=found.total.a)
    packed = downloads.details_zip(found, user.national_id)
    return _download(packed, "application/zip", f"{code}-{_stamp(found.as_of)}.zip")


@require_POST
@allowed(*INSTITUTION)
def qualify(request: HttpRequest, code: str) -> HttpResponse:
    """Ask now whether the institution qualifies."""
    user = signed_in(request)
    institution = institution_or_404(user, code).code
    before = EditionState.objects.filter(institution=institution, qualified_at__isnull=False).exists()
    made = qualification.qualify_one(institution, clock.now(), user.username, user.role)
    outcome = "qualified" if made else "already" if before else "not_yet"
    messages.success(request, text(f"monitoring.outcome.{outcome}"))
    return redirect("monitoring:report")


@require_GET
@allowed(*EVERYBODY)
def evidence(request: HttpRequest, code: str, number: int) -> HttpResponse:
    """The frozen table that a qualification rests on."""
    institution = institution_or_404(signed_in(request), code).code
    row = Qualification.objects.filter(institution=institution, pk=number).first()
    if row is None:
        raise Http404
    found = thawed(row.evidence)
    shown = {
        "code": code,
        "row": row,
        "at": presenting.moment_text(row.at),
        "parts": presenting.parts(found),
        "conditions": presenting.conditions(found),
        "counted": presenting.counted_text(row.evidence["counted_up_to"]),
        "is_whole": digest(row.evidence) == row.evidence["digest"],
    }
    return render(request, "monitoring/evidence.html", shown)


def _report_page(request: HttpRequest, user: User, code: str) -> HttpResponse:
    now = clock.now()
    found = report(code, now)
    state = EditionState.objects.filter(institution=code).first()
    qualified_at = state.qualified_at if state else None
    turn = request.GET.get("turn", "")
    turn_now = int(turn) if turn.isdecimal() and len(turn) < 4 else 0
    shown = {
        "code": code,
        "institution": None if user.institution else institution_or_404(user, code),
        "report": found,
        "parts": presenting.parts(found, _link),
        "conditions": presenting.conditions(found, _link),
        "chart": presenting.chart(found),
        "made_at": presenting.moment_text(now),
        "qualified_at": presenting.moment_text(qualified_at) if qualified_at else "",
        "evidence": Qualification.objects.filter(institution=code).order_by("-id").first(),
        "may_qualify": user.is_of_institution and not qualified_at,
        "may_download": user.role in MAY_SEE_PERSONS,
        "next_turn": f"{request.path}?turn={turn_now + 1}" if turn_now < TURNS else "",
        "here": request.path,
    }
    return render(request, "monitoring/report.html", shown)


def _record(user: User, code: str, number: int) -> Visit:
    """A 1.0 record of an institution that the user may look at."""
    institution = institution_or_404(user, code).code
    mine = Visit.objects.select_related("submission").filter(institution=institution, edition="1.0", is_precheck=False)
    found = mine.filter(pk=number).first()
    if found is None:
        raise Http404
    return found


def _in_force_first(found: Visit) -> list[Visit]:
    tried = list(twins(found).select_related("submission"))
    return sorted(tried, key=lambda each: each.state != "accepted")


def _asked(request: HttpRequest, code: str) -> Asked:
    """The number asked for; 404 for one that there is not."""
    try:
        group = Group(request.GET.get("group", Group.ACCEPTED))
        day = date.fromisoformat(request.GET["day"]) if request.GET.get("day") else None
        until = request.GET.get("as_of")
        as_of = date.fromisoformat(until) if until else clock.now().date()
        window(as_of)
    except (ValueError, OverflowError):
        raise Http404 from None
    return Asked(code, as_of, group, day, request.GET.get("category", "")[:2])


def _with_group(asked: Asked, group: Group) -> Asked:
    return Asked(asked.institution, asked.as_of, group, asked.day, asked.category)


def _link(asked: Asked) -> str:
    query: dict[str, Any] = {"group": asked.group.value, "as_of": asked.as_of.isoformat()}
    if asked.day:
        query["day"] = asked.day.isoformat()
    if asked.category:
        query["category"] = asked.category
    return f"{reverse('monitoring:records', args=[asked.institution])}?{urlencode(query)}"


def _audit(user: User, action: str, subject: str, code: str, **facts: Any) -> None:
    chain.record(
        at=clock.now(),
        actor=user.username,
        role=user.role,
        action=action,
        subject=subject,
        institution=code,
        facts=facts,
    )


def _download(content: bytes, kind: str, name: str) -> HttpResponse:
    headers = {"Content-Disposition": f'attachment; filename="nhicard-{name}"', "Cache-Control": "no-store"}
    return HttpResponse(content, content_type=kind, headers=headers)


def _stamp(day: date) -> str:
    return rocdate.format_date(day)
