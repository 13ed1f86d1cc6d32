"""The insurer's pages: statistics, who has not joined, applications to decide, settlements."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from datetime import date, datetime
from typing import Any, Final
from urllib.parse import quote

from django.contrib import messages
from django.core.paginator import Paginator
from django.db import transaction
from django.db.models import Count, Sum
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from nhicard.insurer import clock
from nhicard.insurer.accounts.models import User
from nhicard.insurer.accounts.rights import DIVISION, EVERYBODY, INSURER, allowed, signed_in, visible
from nhicard.insurer.audit import chain
from nhicard.insurer.bandwidth import months, presenters
from nhicard.insurer.bandwidth.forms import AskedForm, DecideForm
from nhicard.insurer.bandwidth.models import Enrolment, Evidence, Line, Settlement
from nhicard.insurer.bandwidth.services import enrolling, statistics
from nhicard.insurer.bandwidth.services import evidence as bills
from nhicard.insurer.bandwidth.services.enrolling import Refused, State
from nhicard.insurer.bandwidth.services.statistics import Standing
from nhicard.insurer.bandwidth.views import institution
from nhicard.insurer.monitoring.services.downloads import harmless
from nhicard.insurer.portal.texts import text

A_PAGE: Final = 50
_SETTLEMENTS: Final = 24
_MISSING: Final = ("分區業務組", "醫事機構代碼", "醫事機構名稱", "類別")
_LINES: Final = ("醫事機構代碼", "醫事機構名稱", "費用年月", "線路", "帳單金額", "上限", "補助金額", "季別", "撥付日期")


@require_GET
@allowed(*EVERYBODY)
def overview(request: HttpRequest) -> HttpResponse:
    """The institution's own page; for the insurer who takes part, what waits and what was settled."""
    user, now = signed_in(request), clock.now()
    if user.is_of_institution:
        return institution.page(request)
    as_of = _asked(request, now)[0]
    found = statistics.standings(visible(user), as_of)
    settlements = _settlements(user)[:_SETTLEMENTS]
    shown = {
        "as_of": presenters.day(as_of),
        "statistics": presenters.statistics(
            statistics.counts(found), {each.institution.division or 0 for each in found}
        ),
        "waiting": presenters.applied(enrolling.waiting(visible(user)), now.date()),
        "settlements": presenters.settlements(settlements, _sums(settlements)),
        "is_division": user.is_of_division,
    }
    return render(request, "bandwidth/list.html", shown)


@require_GET
@allowed(*INSURER)
def missing(request: HttpRequest) -> HttpResponse:
    """Institutions that have not joined, closed ones left out; ``form=csv`` as a file."""
    user, now = signed_in(request), clock.now()
    as_of, division, group = _asked(request, now)
    found = [
        each
        for each in statistics.standings(visible(user), as_of)
        if not each.joined and division in (None, each.institution.division) and group in ("", each.group)
    ]
    if request.GET.get("form") == "csv":
        return _saved(_csv(_MISSING, _missing_rows(found)), f"not-joined-{as_of:%Y%m%d}.csv")
    page = Paginator(found, A_PAGE).get_page(request.GET.get("page"))
    query = request.GET.copy()
    query.pop("page", None)
    shown = {
        "as_of": presenters.day(as_of),
        "page": page,
        "query": query.urlencode(),
        "rows": [(each.institution, presenters.group_name(each.group)) for each in page],
        "count": len(found),
    }
    return render(request, "bandwidth/missing.html", shown)


@require_GET
@allowed(*INSURER)
def enrolment(request: HttpRequest, number: int) -> HttpResponse:
    """One application with the institution's bills. That it was looked at is on record: it names a person."""
    found = _enrolment_or_404(signed_in(request), number)
    with transaction.atomic():
        enrolling.note(found, signed_in(request), clock.now(), "seen")
    return _enrolment_page(request, found, DecideForm(initial={"effective_from": found.wanted_from}))


@require_POST
@allowed(*DIVISION)
def decide(request: HttpRequest, number: int) -> HttpResponse:
    """Agree, or refuse with a reason."""
    user, now = signed_in(request), clock.now()
    found, form = _enrolment_or_404(user, number), DecideForm(request.POST)
    wish = request.POST.get("wish", "")
    if form.is_valid():
        told = form.cleaned_data
        try:
            if wish not in ("agree", "refuse"):
                raise Refused("wish")
            enrolling.decide(
                found,
                is_agreed=wish == "agree",
                effective_from=told["effective_from"],
                reason=told["reason"],
                user=user,
                now=now,
            )
        except Refused as refusal:
            form.add_error("reason" if refusal.name == "reason" else None, text(f"bandwidth.refused.{refusal.name}"))
        else:
            messages.success(request, text("bandwidth.decided"))
            return redirect("bandwidth:enrolment", found.pk)
    return _enrolment_page(request, found, form, 422)


@require_GET
@allowed(*EVERYBODY)
@transaction.atomic
def bill(request: HttpRequest, number: int) -> HttpResponse:
    """The file of a bill, to be saved and never shown within the portal."""
    user = signed_in(request)
    found = Evidence.objects.filter(institution__in=visible(user), pk=number).select_related("institution").first()
    if found is None:
        raise Http404
    chain.record(
        at=clock.now(),
        actor=user.username,
        role=user.role,
        action="bandwidth.bill_fetched",
        subject=f"line evidence {found.pk}",
        institution=found.institution.code,
        facts={"sha256": found.sha256},
    )
    response = _saved(bytes(found.content), "", found.media_type)
    response["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(found.name)}"
    return response


@require_GET
@allowed(*INSURER)
def settlement(request: HttpRequest, number: int) -> HttpResponse:
    """One settlement with its lines; ``form=csv`` as a file."""
    found = _settlements(signed_in(request)).filter(pk=number).first()
    if found is None:
        raise Http404
    lines = found.lines.select_related("institution", "evidence", "settlement").defer("evidence__content")
    lines = lines.order_by("institution__code")
    if request.GET.get("form") == "csv":
        name = f"line-fee-{months.code(found.fee_month)}-{found.division}-{found.number}.csv"
        return _saved(_csv(_LINES, _line_rows(lines)), name)
    page = Paginator(lines, A_PAGE).get_page(request.GET.get("page"))
    shown = {
        "settlement": presenters.settlements([found], _sums([found]))[0],
        "page": page,
        "lines": presenters.lines(page),
    }
    return render(request, "bandwidth/settlement.html", shown)


def _asked(request: HttpRequest, now: datetime) -> tuple[date, int | None, str]:
    """Day, division and group that are asked for; today where no day is, or one that has not come."""
    form = AskedForm(request.GET)
    form.is_valid()
    told = form.cleaned_data
    as_of = told.get("as_of")
    if "as_of" in form.errors or (as_of and as_of > now.date()):
        messages.warning(request, text("bandwidth.error.as_of"))
        as_of = None
    return as_of or now.date(), told.get("division"), told.get("group") or ""


def _enrolment_page(request: HttpRequest, found: Enrolment, form: DecideForm, status: int = 200) -> HttpResponse:
    now = clock.now()
    shown = presenters.applied([found], now.date())[0]
    told = {
        "enrolment": shown,
        "bills": presenters.bills(bills.latest([found.institution_id])),
        "form": form,
        "may_decide": signed_in(request).is_of_division and shown.state == State.WAITING,
    }
    return render(request, "bandwidth/enrolment.html", told, status=status)


def _enrolment_or_404(user: User, number: int) -> Enrolment:
    found: Enrolment | None = (
        Enrolment.objects.filter(institution__in=visible(user), pk=number)
        .select_related("institution", "decision", "leaving")
        .first()
    )
    if found is None:
        raise Http404
    return found


def _settlements(user: User) -> Any:
    """Those that the user may look at, the newest first."""
    found = Settlement.objects.order_by("-fee_month", "division", "-number")
    return found.filter(division=user.division) if user.division else found


def _sums(found: Iterable[Settlement]) -> dict[int, tuple[int, int]]:
    """Lines and NT$ of each settlement."""
    lines = Line.objects.filter(settlement__in=[each.pk for each in found]).order_by().values("settlement")
    counted = lines.annotate(lines=Count("pk"), amount=Sum("amount"))
    return {each["settlement"]: (each["lines"], each["amount"]) for each in counted}


def _missing_rows(found: Iterable[Standing]) -> Iterable[tuple[Any, ...]]:
    return (
        (each.institution.division, each.institution.code, each.institution.name, presenters.group_name(each.group))
        for each in found
    )


def _line_rows(lines: Iterable[Line]) -> Iterable[tuple[Any, ...]]:
    for each in lines:
        kind = presenters.type_name(each.line_type)
        yield (
            *(each.institution.code, each.institution.name, months.code(each.fee_month), kind, each.evidence.bill),
            *(each.cap, each.amount, each.settlement.season, presenters.day(each.settlement.paid_on)),
        )


def _csv(heading: tuple[str, ...], rows: Iterable[tuple[Any, ...]]) -> bytes:
    """UTF-8 with a byte order mark; cells that no spreadsheet takes for formulas."""
    stream = io.StringIO()
    writer = csv.writer(stream)
    writer.writerow(heading)
    writer.writerows([harmless(value) for value in row] for row in rows)
    return stream.getvalue().encode("utf-8-sig")


def _saved(content: bytes, name: str, media_type: str = "text/csv; charset=utf-8") -> HttpResponse:
    response = HttpResponse(content, content_type=media_type)
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = "private, no-store"
    return response
