"""What every answer says to browsers, and how cookies are marked."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from http.cookies import SimpleCookie
from typing import Any, Final

import pytest
from django.http import HttpResponseBase
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from tests.insurer.portal import people

from nhicard.insurer.datacentre.middleware import LARGEST_BODY

HEADERS: Final = {
    "Strict-Transport-Security": "max-age=31536000",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
#: Directives of the CSP without which it would be none; no script or style within a page.
DIRECTIVES: Final = {
    "default-src": "'self'",
    "frame-ancestors": "'none'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "object-src": "'none'",
}
_VALUES: Final = {"int": "1", "uuid": str(uuid.UUID(int=0))}

pytestmark = pytest.mark.django_db


def _paths(resolver: URLResolver, before: str = "/") -> Iterator[str]:
    for each in resolver.url_patterns:
        route = before + str(each.pattern)
        if isinstance(each, URLPattern):
            yield re.sub(r"<(?:(\w+):)?\w+>", lambda place: _VALUES.get(place[1], "x"), route)
        else:
            yield from _paths(each, route)


PATHS: Final = [
    *sorted(set(_paths(get_resolver()))),
    "/nowhere",
    "/api/v1/nowhere",
    "/portal/nowhere",
    "/portal/static/portal/portal.css",
]


def served(client: Client, path: str) -> Iterator[HttpResponseBase]:
    """GET, POST, and for the data centre a body larger than it takes."""
    yield client.get(path, secure=True)
    yield client.post(path, b"{}", content_type="application/json", secure=True)
    if path.startswith("/api/"):
        yield client.post(path, b" " * (LARGEST_BODY + 1), content_type="application/json", secure=True)


def assert_protected(answer: HttpResponseBase, why: str) -> None:
    told = {name: answer.headers.get(name, "") for name in HEADERS}
    assert told == HEADERS, why
    policy = dict(each.strip().partition(" ")[::2] for each in answer.headers["Content-Security-Policy"].split(";"))
    assert {name: policy.get(name) for name in DIRECTIVES} == DIRECTIVES, why
    assert "unsafe" not in answer.headers["Content-Security-Policy"], why


@pytest.fixture
def public(settings: Any, insurer_home: Any, client: Client) -> Client:
    """A client of a service that people reach from elsewhere."""
    settings.SECURE_HSTS_SECONDS = 365 * 24 * 60 * 60
    client.raise_request_exception = False
    return client


def test_every_answer_at_every_url_is_protected(public: Client) -> None:
    assert len(PATHS) > 150
    for path in PATHS:
        for answer in served(public, path):
            assert_protected(answer, f"{path} {answer.status_code}")
            answer.close()


def test_pages_of_people_are_protected_too(public: Client) -> None:
    people.signed_in(public, people.user("headquarters"))
    for name in ("portal:home", "audit:log", "announcements:list"):
        answer = public.get(reverse(name), secure=True)
        assert (answer.status_code, answer["Content-Type"][:9]) == (200, "text/html"), name
        assert_protected(answer, name)


def test_cookies_travel_by_https_to_the_portal_alone_and_scripts_cannot_read_them(public: Client) -> None:
    user = people.user("officer", password=people.PASSWORD)
    public.get(reverse("accounts:login"), secure=True)
    public.post(reverse("accounts:login"), {"username": user.username, "password": people.PASSWORD}, secure=True)
    assert_flags(public.cookies, "portal_session", "csrftoken")


def assert_flags(cookies: SimpleCookie, *names: str) -> None:
    assert set(names) <= set(cookies)
    for name in names:
        flags = {flag: cookies[name][flag] for flag in ("secure", "httponly", "samesite", "path")}
        assert flags == {"secure": True, "httponly": True, "samesite": "Strict", "path": "/portal"}, name


def test_hsts_is_told_by_public_services_only(client: Client) -> None:
    assert "Strict-Transport-Security" not in client.get("/health", secure=True).headers
