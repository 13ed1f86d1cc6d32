"""An institution's own hours: regular ones, and those of long holidays."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from nhicard.insurer import clock
from nhicard.insurer.accounts.models import Role
from nhicard.insurer.accounts.rights import allowed, signed_in, visible
from nhicard.insurer.hours import presenters, specialties
from nhicard.insurer.hours.forms import HolidayForm, RegularForm, choices
from nhicard.insurer.hours.models import Holiday, HolidayRegistration, RegularHours
from nhicard.insurer.hours.services import holidays, regular
from nhicard.insurer.hours.services.holidays import Open
from nhicard.insurer.hours.services.regular import NotRegistered
from nhicard.insurer.hours.week import Week
from nhicard.insurer.portal.texts import text
from nhicard.insurer.registry.models import Institution

_HOLIDAYS: Final = 12


@allowed(Role.CLERK, Role.REPRESENTATIVE)
def mine(request: HttpRequest) -> HttpResponse:
    """What the institution has registered."""
    own, today = _own(request), clock.now().date()
    shown = [presenters.holiday(each, today, _registration(each, own)) for each in holidays.current()[:_HOLIDAYS]]
    return render(
        request,
        "hours/mine.html",
        {
            "hours": [presenters.regular(each) for each in _hours(own, clock.now())],
            "planned": [presenters.regular(each) for each in regular.planned(own, today)],
            "history": [presenters.regular(each) for each in regular.history(own)],
            "holidays": shown,
            "due": [each for each in shown if each.is_taken and each.state == holidays.Standing.MISSING],
            "weekdays": presenters.weekdays(),
        },
    )


@allowed(Role.CLERK, Role.REPRESENTATIVE)
def regular_hours(request: HttpRequest) -> HttpResponse:
    """Register the regular hours of one specialty; ``?specialty=`` begins with what it has."""
    own, now = _own(request), clock.now()
    if request.method == "POST":
        form = RegularForm(request.POST)
        if form.is_valid():
            try:
                regular.register(own, form.told(), signed_in(request), now)
            except NotRegistered as reason:
                form.refuse(reason.text)
            else:
                messages.success(request, text("hours.registered"))
                return redirect("hours:mine")
        ticked = Week.of_numbers(form.cleaned_data.get("cells", ()))
    else:
        code = request.GET.get("specialty", specialties.usual(own.code))
        before = next((each for each in _hours(own, now) if each.specialty == code), None)
        ticked = before.week if before else Week()
        form = RegularForm(initial=_as_before(code, before, now))
    shown = {"form": form, "lines": presenters.week(ticked.open), "weekdays": presenters.weekdays()}
    return render(request, "hours/regular.html", shown, status=422 if form.errors else 200)


@allowed(Role.CLERK, Role.REPRESENTATIVE)
def holiday(request: HttpRequest) -> HttpResponse:
    """Register for a holiday, ``?holiday=`` its number; without one the next that can be registered for."""
    own, now = _own(request), clock.now()
    asked = holiday_asked(request, now)
    if asked is None:
        messages.info(request, text("hours.holiday.none"))
        return redirect("hours:mine")
    page = _page(asked, own, now)
    if request.method == "GET":
        return _form(request, page, HolidayForm(initial=page.initial()), page.chosen())
    form = HolidayForm(request.POST)
    try:
        ticked = form.cells()
    except ValueError:
        ticked = frozenset()
        form.refuse("hours.error.cell")
    wish = request.POST.get("do")
    if wish == "regular":
        return _form(request, page, form, presenters.by_regular_hours(asked, page.hours))
    if wish == "add" or not form.is_valid():
        return _form(request, page, form, ticked)
    facts = form.cleaned_data
    try:
        holidays.register(asked, own, ticked, facts["is_closed"], facts["remark"], signed_in(request), now)
    except NotRegistered as reason:
        form.refuse(reason.text)
        return _form(request, page, form, ticked)
    messages.success(request, text("hours.holiday.registered"))
    return redirect(f"{reverse('hours:holiday')}?holiday={asked.pk}")


def holiday_asked(request: HttpRequest, now: datetime) -> Holiday | None:
    """The holiday of the parameter, 404 for one that there is not; without it the next to come, or the last."""
    number = request.GET.get("holiday", "")
    if number:
        found = holidays.current().filter(pk=int(number)).first() if number.isdecimal() and len(number) < 10 else None
        if found is None:
            raise Http404
        return found
    ahead = holidays.current().filter(last_day__gte=now.date())
    return ahead.last() or holidays.current().first()


@dataclass(frozen=True, slots=True)
class _Page:
    """What the form of a holiday begins with."""

    holiday: Holiday
    institution: Institution
    registration: HolidayRegistration | None
    hours: tuple[RegularHours, ...]
    now: datetime

    def initial(self) -> Mapping[str, Any]:
        told = self.registration
        return {"is_closed": told.is_closed, "remark": told.remark} if told else {}

    def chosen(self) -> Collection[Open]:
        return holidays.sessions(self.registration) if self.registration else frozenset()

    def specialties(self, more: Collection[str]) -> list[str]:
        """Those of the regular hours and those added; the usual one of such an institution first."""
        usual = specialties.usual(self.institution.code)
        offered = {each.specialty for each in self.hours if each.week.open} or {usual}
        return sorted(offered | set(more), key=lambda code: (code != usual, code))


def _page(asked: Holiday, own: Institution, now: datetime) -> _Page:
    return _Page(asked, own, _registration(asked, own), _hours(own, now), now)


def _form(request: HttpRequest, page: _Page, form: HolidayForm, chosen: Collection[Open]) -> HttpResponse:
    added = form.added() if form.is_bound else set()
    known = {each for each in (open.specialty for open in chosen) if each in specialties.specialties()}
    offered = page.specialties(known | added)
    shown = {
        "form": form,
        "holiday": presenters.holiday(page.holiday, page.now.date(), page.registration),
        "days": presenters.days(page.holiday, offered, chosen),
        "sessions": presenters.session_names(),
        "extra": sorted(added),
        "more": [(code, name) for code, name in choices() if code not in offered],
        "has_hours": bool(page.hours),
        "registration": page.registration,
    }
    return render(request, "hours/holiday.html", shown, status=422 if form.is_bound and form.errors else 200)


def _own(request: HttpRequest) -> Institution:
    return visible(signed_in(request)).get()


def _hours(own: Institution, now: datetime) -> tuple[RegularHours, ...]:
    return regular.in_force(Institution.objects.filter(pk=own.pk), now.date()).get(own.pk, ())


def _registration(asked: Holiday, own: Institution) -> HolidayRegistration | None:
    return holidays.registered(asked, Institution.objects.filter(pk=own.pk)).get(own.pk)


def _as_before(code: str, before: RegularHours | None, now: datetime) -> Mapping[str, Any]:
    told = {"fee": before.fee, "remark": before.remark} if before else {}
    return {"specialty": code, "valid_from": now.date()} | told
