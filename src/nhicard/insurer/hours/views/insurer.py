"""The insurer's pages: who has registered for a holiday, announcing holidays, an institution's hours."""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from typing import Final

from django.contrib import messages
from django.core.paginator import Paginator
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_POST

from nhicard.insurer import clock
from nhicard.insurer.accounts.models import Role, User
from nhicard.insurer.accounts.rights import INSURER, allowed, institution_or_404, signed_in, visible
from nhicard.insurer.audit import chain
from nhicard.insurer.hours import presenters
from nhicard.insurer.hours.forms import AnnouncementForm
from nhicard.insurer.hours.layouts import BOM
from nhicard.insurer.hours.models import Holiday, HolidayRegistration
from nhicard.insurer.hours.services import holidays, regular
from nhicard.insurer.hours.services.holidays import Standing
from nhicard.insurer.hours.services.regular import NotRegistered
from nhicard.insurer.hours.views.own import holiday_asked
from nhicard.insurer.portal.texts import text
from nhicard.insurer.registry.models import Institution

_ON_A_PAGE: Final = 50
_HOLIDAYS: Final = 12


@require_GET
@allowed(*INSURER)
def overview(request: HttpRequest) -> HttpResponse:
    """Holidays, and how many of the user's institutions have registered."""
    user, today = signed_in(request), clock.now().date()
    rows = [
        (presenters.holiday(each, today), presenters.count("", [found for _, found, _ in _standings(each, user)]))
        for each in holidays.current()[:_HOLIDAYS]
    ]
    return render(request, "hours/overview.html", {"rows": rows, "may_announce": user.role == Role.HEADQUARTERS})


@allowed(Role.HEADQUARTERS)
def announce(request: HttpRequest) -> HttpResponse:
    """Announce a holiday."""
    form = AnnouncementForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            holidays.announce(form.draft(), signed_in(request), clock.now())
        except NotRegistered as reason:
            form.refuse(reason.text)
        else:
            messages.success(request, text("hours.announced"))
            return redirect("hours:overview")
    return render(request, "hours/announce.html", {"form": form}, status=422 if form.is_bound and form.errors else 200)


@require_POST
@allowed(Role.HEADQUARTERS)
def withdraw(request: HttpRequest, number: int) -> HttpResponse:
    """Take an announcement back."""
    holidays.withdraw(get_object_or_404(Holiday, pk=number), signed_in(request), clock.now())
    messages.success(request, text("hours.withdrawn"))
    return redirect("hours:overview")


@require_GET
@allowed(*INSURER)
def standing(request: HttpRequest) -> HttpResponse:
    """Who has registered for a holiday, ``?holiday=``; ``?state=`` those of one standing, at first who has not."""
    user, now = signed_in(request), clock.now()
    asked = holiday_asked(request, now)
    if asked is None:
        return redirect("hours:overview")
    found = _standings(asked, user)
    state = request.GET.get("state", Standing.MISSING)
    by_division = defaultdict(list)
    for place, each, _ in found:
        by_division[place.division].append(each)
    chosen = [(place, row) for place, each, row in found if each == state]
    shown = {
        "holiday": presenters.holiday(asked, now.date()),
        "states": [(each.value, text(f"hours.standing.{each}"), _many(found, each)) for each in Standing],
        "state": state,
        "counts": [
            presenters.count(_division(number), standings)
            for number, standings in sorted(by_division.items(), key=lambda item: item[0] or 0)
        ],
        "total": presenters.count(text("hours.total"), [each for _, each, _ in found]),
        "page": Paginator(chosen, _ON_A_PAGE).get_page(request.GET.get("page")),
    }
    return render(request, "hours/standing.html", shown)


@require_GET
@allowed(*INSURER)
@transaction.atomic
def standing_csv(request: HttpRequest) -> HttpResponse:
    """All that have to register for a holiday, and whether they have."""
    user, now = signed_in(request), clock.now()
    asked = holiday_asked(request, now)
    if asked is None:
        return redirect("hours:overview")
    told = io.StringIO(newline="")
    lines = csv.writer(told)
    lines.writerow(("醫事機構代碼", "醫事機構簡稱", "分區業務組", "登錄情形", "登錄時間"))
    found = _standings(asked, user)
    for place, state, row in found:
        at = f"{row.at:%Y-%m-%d %H:%M}" if row else ""
        lines.writerow((place.code, place.short_name, place.division, text(f"hours.standing.{state}"), at))
    chain.record(
        at=now,
        actor=user.username,
        role=user.role,
        action="hours.standing.downloaded",
        subject=f"holiday {asked.pk}",
        facts={"rows": len(found)},
    )
    response = HttpResponse((BOM + told.getvalue()).encode(), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="holiday-{asked.first_day}-{now:%Y%m%d}.csv"'
    return response


@require_GET
@allowed(*INSURER)
def institution(request: HttpRequest, code: str) -> HttpResponse:
    """An institution's hours, what it registered before, and its holidays."""
    place, today = institution_or_404(signed_in(request), code), clock.now().date()
    of_place = Institution.objects.filter(pk=place.pk)
    shown = {
        "institution": place,
        "hours": [presenters.regular(each) for each in regular.in_force(of_place, today).get(place.pk, ())],
        "planned": [presenters.regular(each) for each in regular.planned(place, today)],
        "history": [presenters.regular(each) for each in regular.history(place)],
        "holidays": [
            presenters.holiday(each, today, holidays.registered(each, of_place).get(place.pk))
            for each in holidays.current()[:_HOLIDAYS]
        ],
        "weekdays": presenters.weekdays(),
    }
    return render(request, "hours/institution.html", shown)


_Found = tuple[Institution, Standing, HolidayRegistration | None]


def _standings(asked: Holiday, user: User) -> list[_Found]:
    """Those of the user's institutions that have to register, by code."""
    required = holidays.required(asked, visible(user)).order_by("code")
    rows = holidays.registered(asked, required)
    return [(each, holidays.standing(rows.get(each.pk)), rows.get(each.pk)) for each in required]


def _many(found: list[_Found], state: Standing) -> int:
    return sum(each == state for _, each, _ in found)


def _division(number: int | None) -> str:
    return text(f"division.{number}") if number else text("hours.no_division")
