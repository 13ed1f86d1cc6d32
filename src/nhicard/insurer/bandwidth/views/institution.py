"""An institution's page: taking part, the month's bill, what was paid."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from nhicard.insurer import clock
from nhicard.insurer.accounts.models import Role
from nhicard.insurer.accounts.rights import INSTITUTION, allowed, signed_in
from nhicard.insurer.applications.services import attachments
from nhicard.insurer.applications.services.refusals import Refused as FileRefused
from nhicard.insurer.bandwidth import months, presenters
from nhicard.insurer.bandwidth.forms import ApplyForm, EvidenceForm, LeaveForm
from nhicard.insurer.bandwidth.services import enrolling
from nhicard.insurer.bandwidth.services import evidence as bills
from nhicard.insurer.bandwidth.services.enrolling import Refused
from nhicard.insurer.bandwidth.tables import open_to
from nhicard.insurer.portal.texts import text


def page(request: HttpRequest, status: int = 200, **forms: Any) -> HttpResponse:
    """The page of the user's institution, with what was typed where a step was refused."""
    user, now = signed_in(request), clock.now()
    place = user.institution
    assert place is not None
    this_month = months.first(now.date())
    holding = enrolling.enrolled([place.pk], this_month, now).get(place.pk)
    enrolments = place.enrolments.select_related("institution", "decision", "leaving").order_by("-number")
    may_act = user.role == Role.REPRESENTATIVE
    shown = {
        "enrolments": presenters.applied(enrolments, now.date()),
        "holding": presenters.applied([holding], now.date())[0] if holding else None,
        "may_apply": may_act and not place.enrolments.filter(decision=None).exists(),
        "may_leave": may_act and holding is not None and not hasattr(holding, "leaving"),
        "may_send": place.enrolments.filter(decision__is_agreed=True).exists(),
        "is_clerk": not may_act,
        "bills": presenters.bills(bills.latest([place.pk])),
        "apply_form": ApplyForm(
            _choices(place.kind, this_month),
            initial={"wanted_from": this_month, "contact_name": user.name},
            prefix=None,
        ),
        "evidence_form": EvidenceForm(initial={"fee_month": months.after(this_month, -1)}),
        "leave_form": LeaveForm(initial={"last_month": this_month}),
    }
    return render(request, "bandwidth/own.html", shown | forms, status=status)


@require_POST
@allowed(Role.REPRESENTATIVE)
def apply(request: HttpRequest) -> HttpResponse:
    """Apply to take part."""
    user, now = signed_in(request), clock.now()
    assert user.institution is not None
    form = ApplyForm(_choices(user.institution.kind, months.first(now.date())), request.POST)
    if form.is_valid():
        told = form.cleaned_data
        contact = (told["contact_name"], told["contact_phone"])
        try:
            enrolling.apply(user, told["line_type"], told["wanted_from"], contact, now)
        except Refused as refusal:
            form.add_error(None, text(f"bandwidth.refused.{refusal.name}"))
        else:
            messages.success(request, text("bandwidth.applied"))
            return redirect("bandwidth:list")
    return page(request, 422, apply_form=form, wrong=form)


@require_POST
@allowed(Role.REPRESENTATIVE)
def leave(request: HttpRequest) -> HttpResponse:
    """End taking part."""
    user, now = signed_in(request), clock.now()
    form = LeaveForm(request.POST)
    if form.is_valid():
        month = months.first(now.date())
        holding = enrolling.enrolled([user.institution_id], month, now).get(user.institution_id or 0)
        try:
            if holding is None:
                raise Refused("not_enrolled")
            enrolling.leave(holding, form.cleaned_data["last_month"], user, now)
        except Refused as refusal:
            form.add_error(None, text(f"bandwidth.refused.{refusal.name}"))
        else:
            messages.success(request, text("bandwidth.left"))
            return redirect("bandwidth:list")
    return page(request, 422, leave_form=form, wrong=form)


@require_POST
@allowed(*INSTITUTION)
def evidence(request: HttpRequest) -> HttpResponse:
    """Send the bill of a month."""
    user, now = signed_in(request), clock.now()
    form = EvidenceForm(request.POST, request.FILES)
    if form.is_valid():
        told, file = form.cleaned_data, form.cleaned_data["file"]
        try:
            if (file.size or 0) > attachments.LARGEST:
                raise FileRefused("file_large")
            _, is_new = bills.send(
                user, told["fee_month"], told["bill"], told["mbps"], file.name or "", file.read(), now
            )
        except Refused as refusal:
            form.add_error(None, text(f"bandwidth.refused.{refusal.name}"))
        except FileRefused as refusal:
            form.add_error("file", text(f"applications.refused.{refusal.name}"))
        else:
            messages.success(request, text("bandwidth.sent" if is_new else "bandwidth.sent.again"))
            return redirect("bandwidth:list")
    return page(request, 422, evidence_form=form, wrong=form)


def _choices(kind: str, month: Any) -> list[tuple[str, str]]:
    return [(each.code, presenters.named(each)) for each in open_to(kind, month)]
