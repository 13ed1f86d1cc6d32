"""How long a session lasts, how many there are, and what an attacker could do with one."""

from __future__ import annotations

from datetime import datetime, timedelta
from http.cookies import Morsel
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import reverse
from tests.insurer.portal import people

from nhicard.insurer import clock
from nhicard.insurer.accounts import policy
from nhicard.insurer.accounts.models import SignIn, User
from nhicard.insurer.accounts.services import second_factor

NOW = datetime(2026, 3, 2, 9, 30, 15)
HOME, LOGIN, SECOND, ME = (
    reverse(f"{name}") for name in ("portal:home", "accounts:login", "accounts:second", "accounts:me")
)


@pytest.fixture(autouse=True)
def quick_hashes(settings: Any) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(autouse=True)
def at_noon(monkeypatch: pytest.MonkeyPatch) -> None:
    show(monkeypatch, NOW)


@pytest.fixture
def user(db: None) -> User:
    return people.user("auditor", password=people.PASSWORD)


def show(monkeypatch: pytest.MonkeyPatch, moment: datetime) -> None:
    monkeypatch.setattr(clock, "now", lambda: moment)


def is_in(client: Client) -> bool:
    return client.get(HOME).status_code == 200


def cookie(client: Client, name: str = django_settings.SESSION_COOKIE_NAME) -> Morsel[str]:
    found: Morsel[str] = client.cookies[name]
    return found


def through_the_pages(client: Client, user: User) -> None:
    client.post(LOGIN, {"username": user.username, "password": people.PASSWORD})
    client.post(SECOND, {"code": second_factor.code_now(people.device(user), clock.now())})


def test_a_third_session_ends_the_first(user: User) -> None:
    browsers = [people.signed_in(Client(), user) for _ in range(3)]
    assert [is_in(browser) for browser in browsers] == [False, True, True]
    assert SignIn.objects.filter(ended_at=None).count() == policy.SESSIONS


@pytest.mark.parametrize(("hours", "minutes", "is_open"), [(7, 59, True), (8, 0, True), (8, 1, False)])
def test_no_session_outlives_a_working_day(
    client: Client, user: User, monkeypatch: pytest.MonkeyPatch, hours: int, minutes: int, is_open: bool
) -> None:
    people.signed_in(client, user)
    show(monkeypatch, NOW + timedelta(hours=hours, minutes=minutes))
    assert is_in(client) is is_open
    show(monkeypatch, NOW)
    assert is_in(client) is is_open  # it has ended, not only been refused


def test_an_idle_session_ends(client: Client, user: User) -> None:
    people.signed_in(client, user)
    assert client.session.get_expiry_age() == 30 * 60
    Session.objects.update(expire_date=datetime(2020, 1, 1))
    assert not is_in(client)


def test_every_step_has_a_fresh_key(client: Client, user: User) -> None:
    """Who put a session's key into someone's browser has nothing once that someone signs in."""
    people.device(user)
    client.session.save()  # the attacker's own session
    keys = [cookie(client).value]
    client.post(LOGIN, {"username": user.username, "password": people.PASSWORD})
    keys.append(cookie(client).value)
    client.post(SECOND, {"code": second_factor.code_now(people.device(user), NOW)})
    keys.append(cookie(client).value)
    assert len(set(keys)) == 3
    for old in keys[:2]:
        thief = Client()
        thief.cookies[django_settings.SESSION_COOKIE_NAME] = old
        assert not is_in(thief)


def test_signing_out_ends_the_session_itself(client: Client, user: User) -> None:
    through_the_pages(client, user)
    copied = cookie(client).value
    client.post(reverse("accounts:logout"))
    thief = Client()
    thief.cookies[django_settings.SESSION_COOKIE_NAME] = copied
    assert not is_in(thief)
    assert SignIn.objects.get().ended_at == NOW


def test_one_ends_ones_other_session_by_hand_and_nobody_elses(user: User) -> None:
    here, there = (people.signed_in(Client(), user) for _ in range(2))
    stranger = people.signed_in(Client(), people.user("auditor"))
    number = SignIn.objects.filter(user=user).order_by("pk").last()
    assert number is not None
    address = reverse("accounts:end-session", args=[number.pk])
    assert stranger.post(address).status_code == 404
    assert is_in(there)
    assert here.post(address).status_code == 302
    assert (is_in(here), is_in(there)) == (True, False)


def test_a_changed_password_ends_the_other_sessions(user: User) -> None:
    here, there = (people.signed_in(Client(), user) for _ in range(2))
    before = cookie(here).value
    new = "a quite different passphrase"
    here.post(reverse("accounts:password"), {"present": people.PASSWORD, "password": new, "again": new})
    assert (is_in(here), is_in(there)) == (True, False)
    assert cookie(here).value != before
    assert "目前使用中" in here.get(ME).content.decode()


@pytest.mark.parametrize("change", [{"is_active": False}, {"password": "!"}])
def test_a_closed_account_is_out_at_once(client: Client, user: User, change: dict[str, Any]) -> None:
    people.signed_in(client, user)
    assert is_in(client)
    User.objects.update(**change)
    assert not is_in(client)


def test_a_removed_device_is_out_at_once(client: Client, user: User) -> None:
    people.signed_in(client, user)
    people.device(user).delete()
    assert not is_in(client)


def test_cookies_are_for_this_site_and_the_servers_alone(client: Client, user: User) -> None:
    people.device(user)
    client.get(LOGIN)
    client.post(LOGIN, {"username": user.username, "password": people.PASSWORD})
    for name in (django_settings.SESSION_COOKIE_NAME, django_settings.CSRF_COOKIE_NAME):
        flags = cookie(client, name)
        assert (flags["secure"], flags["httponly"], flags["samesite"], flags["path"]) == (
            True,
            True,
            "Strict",
            "/portal",
        )
    assert not cookie(client)["max-age"]  # gone with the browser


@pytest.mark.parametrize("name", ["login", "card", "second", "enrol", "logout", "password", "recovery"])
def test_nothing_is_posted_from_elsewhere(user: User, name: str) -> None:
    strict = people.signed_in(Client(enforce_csrf_checks=True), user)
    assert strict.post(reverse(f"accounts:{name}")).status_code == 403
    assert is_in(strict)


@pytest.mark.parametrize("name", ["accounts:login", "accounts:card", "accounts:me", "accounts:password", "audit:log"])
def test_pages_allow_no_inline_script_no_frame_and_are_not_kept(client: Client, user: User, name: str) -> None:
    people.signed_in(client, user)
    page = client.get(reverse(name))
    rules = {rule.split()[0]: rule.split()[1:] for rule in page["Content-Security-Policy"].split(";") if rule.strip()}
    assert rules["default-src"] == ["'self'"]
    assert not {"script-src", "style-src", "script-src-elem"} & set(rules)  # both fall back to 'self'
    assert rules["frame-ancestors"] == ["'none'"]
    assert rules["form-action"] == ["'self'"]
    assert "unsafe" not in page["Content-Security-Policy"]
    assert page["X-Frame-Options"] == "DENY"
    assert "no-store" in page["Cache-Control"]
    body = page.content.decode()
    assert " style=" not in body
    assert "<style" not in body
    assert "<script>" not in body
    assert not [handler for handler in (" onclick=", " onload=", " onsubmit=") if handler in body]
