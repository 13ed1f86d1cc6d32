"""Signing in by password or card, the second step, and what users see of their own account."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render, resolve_url
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from nhicard.insurer import clock
from nhicard.insurer.accounts import policy, presenters
from nhicard.insurer.accounts.forms import Code, Credentials, NewPassword, SignedByCard
from nhicard.insurer.accounts.models import Means
from nhicard.insurer.accounts.rights import EVERYBODY, allowed, signed_in
from nhicard.insurer.accounts.services import cards, passwords, pending, second_factor, sessions, signing_in
from nhicard.insurer.accounts.services.cards import NotByCard, SignedBlock
from nhicard.insurer.portal.texts import text


@sensitive_post_parameters()
@never_cache
@require_http_methods(["GET", "POST"])
def login(request: HttpRequest) -> HttpResponse:
    """First step: name and password."""
    target = _target(request)
    form = Credentials(request.POST)
    if request.method == "GET":
        return render(request, "accounts/login.html", {"next": target})
    now = clock.now()
    given = form.cleaned_data if form.is_valid() else {"username": "", "password": ""}
    user = signing_in.with_password(given["username"], given["password"], now)
    if user is None:
        trouble = text("accounts.login.refused", failures=policy.FAILURES, minutes=_minutes(policy.LOCK))
        return render(request, "accounts/login.html", {"next": target, "trouble": trouble}, status=401)
    pending.hold(request, user, Means.PASSWORD, target, now)
    return redirect("accounts:second" if second_factor.device_of(user) else "accounts:enrol")


@never_cache
@require_http_methods(["GET", "POST"])
def card(request: HttpRequest) -> HttpResponse:
    """Sign in with a staff card, or do the first step with a SAM; the page's script fetches the block."""
    target = _target(request)
    if request.method == "GET":
        return render(request, "accounts/card.html", {"next": target, "service_type": policy.CARD_SERVICE_TYPE})
    now = clock.now()
    form = SignedByCard(request.POST)
    try:
        if not form.is_valid():
            raise NotByCard("accounts.card.refused")
        found = cards.sign_in(SignedBlock(**form.cleaned_data), now)
    except NotByCard as refusal:
        shown = {"next": target, "service_type": policy.CARD_SERVICE_TYPE, "trouble": text(refusal.reason)}
        return render(request, "accounts/card.html", shown, status=401)
    if found.device is None:
        pending.hold(request, found.user, Means.SAM, target, now)
        return redirect("accounts:second")
    sessions.begin(request, found.user, found.device, Means.STAFF_CARD, now)
    return redirect(target)


@sensitive_post_parameters()
@never_cache
@require_http_methods(["GET", "POST"])
def second(request: HttpRequest) -> HttpResponse:
    """Second step: the code of the user's device, or a recovery code."""
    now = clock.now()
    held = pending.held(request, now)
    if held is None or second_factor.device_of(held.user) is None:
        return _too_late(request)
    if request.method == "GET":
        return render(request, "accounts/second.html")
    form = Code(request.POST)
    done = signing_in.second_step(held.user, form.cleaned_data["code"] if form.is_valid() else "", now)
    if done is None:
        return render(request, "accounts/second.html", {"trouble": text("accounts.second.refused")}, status=401)
    device, means = done
    sessions.begin(request, held.user, device, Means.SAM if held.means is Means.SAM else means, now)
    return redirect(held.target)


@sensitive_post_parameters()
@never_cache
@require_http_methods(["GET", "POST"])
def enrol(request: HttpRequest) -> HttpResponse:
    """The first time: set a device up, prove it with a code, and get the recovery codes."""
    now = clock.now()
    held = pending.held(request, now)
    # who has a device proves it; only a password may begin without one
    if held is None or held.means is not Means.PASSWORD or second_factor.device_of(held.user):
        return _too_late(request)
    device = pending.device_to_confirm(request, held)
    shown = {"picture": second_factor.picture(device), "secret": second_factor.secret(device)}
    if request.method == "GET":
        return render(request, "accounts/enrol.html", shown)
    form = Code(request.POST)
    codes = second_factor.confirm(device, form.cleaned_data["code"] if form.is_valid() else "", now)
    if codes is None:
        trouble = text("accounts.second.refused")
        return render(request, "accounts/enrol.html", shown | {"trouble": trouble}, status=401)
    signing_in.succeed(held.user)
    sessions.begin(request, held.user, device, Means.PASSWORD, now)
    # no redirect: the codes are shown in this answer and kept nowhere
    return render(request, "accounts/recovery.html", {"codes": codes, "next": held.target})


@require_POST
def logout(request: HttpRequest) -> HttpResponse:
    """Sign out, halfway in or all the way."""
    sessions.leave(request, clock.now())
    messages.success(request, text("accounts.logout.done"))
    return redirect("accounts:login")


@never_cache
@require_GET
@allowed(*EVERYBODY)
def me(request: HttpRequest) -> HttpResponse:
    """The user's role and place, open sessions and last sign-ins."""
    shown = presenters.account(signed_in(request), request.session.session_key or "", clock.now())
    return render(request, "accounts/me.html", {"account": shown})


@sensitive_post_parameters()
@never_cache
@require_http_methods(["GET", "POST"])
@allowed(*EVERYBODY, password_may_be_due=True)
def password(request: HttpRequest) -> HttpResponse:
    """Change the password. The user's other sessions end, this one gets a fresh key."""
    user = signed_in(request)
    shown = {"is_due": user.password_is_due, "former": policy.FORMER_PASSWORDS}
    if request.method == "GET":
        return render(request, "accounts/password.html", shown)
    now = clock.now()
    form = NewPassword(request.POST)
    try:
        if not form.is_valid():
            raise ValidationError(text("accounts.password.incomplete"))
        if not signing_in.confirms_password(user, form.cleaned_data["present"], now):
            raise ValidationError(text("accounts.password.wrong"))
        if form.cleaned_data["password"] != form.cleaned_data["again"]:
            raise ValidationError(text("accounts.password.differs"))
        passwords.change(user, form.cleaned_data["password"], now, request.session.session_key or "")
    except ValidationError as refusal:
        return render(request, "accounts/password.html", shown | {"troubles": refusal.messages}, status=422)
    sessions.renew(request, user)
    messages.success(request, text("accounts.password.done"))
    return redirect("accounts:me" if not shown["is_due"] else settings.LOGIN_REDIRECT_URL)


@sensitive_post_parameters()
@never_cache
@require_POST
@allowed(*EVERYBODY)
def recovery(request: HttpRequest) -> HttpResponse:
    """New recovery codes, for who proves the device once more."""
    user, now = signed_in(request), clock.now()
    form = Code(request.POST)
    if not signing_in.second_step(user, form.cleaned_data["code"] if form.is_valid() else "", now):
        messages.error(request, text("accounts.second.refused"))
        return redirect("accounts:me")
    codes = second_factor.new_recovery_codes(user, now)
    return render(request, "accounts/recovery.html", {"codes": codes, "next": resolve_url("accounts:me")})


@require_POST
@allowed(*EVERYBODY)
def end_session(request: HttpRequest, number: int) -> HttpResponse:
    """End another session of the user's own."""
    user = signed_in(request)
    found = user.sign_ins.filter(pk=number, ended_at=None).first()
    if found is None:
        raise Http404
    sessions.end_by_hand(user, found, clock.now())
    messages.success(request, text("accounts.me.ended"))
    return redirect("accounts:me")


def _too_late(request: HttpRequest) -> HttpResponse:
    messages.error(request, text("accounts.second.late", minutes=_minutes(policy.SECOND_STEP_WITHIN)))
    return redirect("accounts:login")


def _target(request: HttpRequest) -> str:
    """Where to go after signing in: a page of the portal, whatever the address asks for."""
    asked = request.POST.get("next") or request.GET.get("next") or ""
    is_ours = url_has_allowed_host_and_scheme(asked, {request.get_host()}, require_https=request.is_secure())
    return asked if is_ours and asked.startswith("/portal/") else resolve_url(settings.LOGIN_REDIRECT_URL)


def _minutes(span: timedelta) -> int:
    return int(span.total_seconds() // 60)
