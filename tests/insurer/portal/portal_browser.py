"""Headless Chromium before the portal, and pictures for the documentation, which this command takes anew:

NHICARD_PICTURES=docs/images python -m pytest -n0 tests/insurer/{accounts,announcements,uploads,portal}/test_*browser.py
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from socketserver import ThreadingMixIn
from typing import Any, Final

import pytest
from django.conf import settings
from django.core.servers.basehttp import WSGIRequestHandler, WSGIServer
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections, connections
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright
from tests.chromium import chromium
from tests.insurer.portal import people

from nhicard.insurer.accounts.models import User

PICTURES: Final = os.environ.get("NHICARD_PICTURES", "")
TELEPHONE: Final = 360  # CSS pixels wide
_SIZE: Final[Any] = {"width": 1200, "height": 800}
_TOO_WIDE: Final = """width => document.documentElement.scrollWidth <= width ? [] : [...document.querySelectorAll("*")]
    .filter(each => each.getBoundingClientRect().right > width).map(each => each.outerHTML.slice(0, 90))"""


@contextmanager
def started() -> Iterator[Browser]:
    """A browser. Playwright's own loop stops Django from using the database; that is switched off."""
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        with chromium(playwright) as browser:
            yield browser


def listen(page: Page, troubles: list[str]) -> Page:
    """The page; what its scripts throw and what its console calls an error, such as a breach of the CSP, is noted.

    A refusal by HTTP (422 for a form with mistakes) stands in the console too and is no trouble.
    """

    def hear(told: ConsoleMessage) -> None:
        if told.type == "error" and "Failed to load resource" not in told.text:
            troubles.append(told.text)

    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("console", hear)
    return page


@contextmanager
def watched(browser: Browser, *, language: str = "zh-TW", script: bool = True) -> Iterator[Page]:
    """A page of its own browser profile; troubles that ``listen`` notes fail the test."""
    context = browser.new_context(locale=language, viewport=_SIZE, java_script_enabled=script, ignore_https_errors=True)
    context.set_default_timeout(10_000)
    troubles: list[str] = []
    try:
        yield listen(context.new_page(), troubles)
    finally:
        context.close()
    assert not troubles


class _Server(ThreadingMixIn, WSGIServer):
    """Django's own closes the connection after each request, and this one is the test's."""

    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *arguments: Any) -> None:
        """Nothing."""


@contextmanager
def served() -> Iterator[str]:
    """The portal's address, served from the test's own connection: it sees what the test has not committed."""
    ours, application, one_at_a_time = connections["default"], get_wsgi_application(), threading.Lock()

    def on_our_connection(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        with one_at_a_time:
            connections["default"] = ours
            return application(environ, start)

    ours.inc_thread_sharing()
    for signal in (request_started, request_finished):  # they would close it, since a transaction is open
        signal.disconnect(close_old_connections)
    server = _Server(("localhost", 0), _Quiet)
    server.set_app(on_our_connection)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://localhost:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
        for signal in (request_started, request_finished):
            signal.connect(close_old_connections)
        ours.dec_thread_sharing()


@dataclass(frozen=True)
class Portal:
    """A browser, and the address that it finds the portal at."""

    browser: Browser
    address: str

    def signed_in(self, user: User, **options: Any) -> BrowserContext:
        """A browser's profile in which the user is signed in."""
        client = people.signed_in(Client(), user)
        context = self.browser.new_context(**({"locale": "zh-TW", "viewport": _SIZE} | options))
        context.set_default_timeout(5000)
        name = settings.SESSION_COOKIE_NAME
        cookie: Any = {"name": name, "value": client.cookies[name].value, "secure": True}
        context.add_cookies([cookie | {"url": f"{self.address}/portal/"}])
        return context

    @contextmanager
    def page_of(self, user: User, *, language: str = "zh-TW", script: bool = True) -> Iterator[Page]:
        """The user's page; troubles that ``listen`` notes fail the test."""
        troubles: list[str] = []
        with self.signed_in(user, locale=language, java_script_enabled=script) as context:
            yield listen(context.new_page(), troubles)
        assert not troubles


@contextmanager
def portal() -> Iterator[Portal]:
    """The browser of this machine before the portal that ``served`` serves."""
    ours = connections["default"]
    with served() as address, started() as browser:
        # Playwright has an event loop of its own in this thread, for which Django would open another connection
        connections["default"] = ours
        yield Portal(browser, address)


def local(address: str) -> str:
    """The server's address under the one name for which a browser keeps secure cookies without HTTPS."""
    return address.replace("127.0.0.1", "localhost")


def picture(page: Page, name: str) -> None:
    """Keep a picture of the page for the documentation, where pictures are wanted."""
    if PICTURES:
        page.screenshot(path=Path(PICTURES) / f"portal-{name}.png", full_page=True)


def assert_fits_a_telephone(page: Page) -> None:
    """Nothing makes the page wider than a telephone."""
    page.set_viewport_size({"width": TELEPHONE, "height": 700})
    assert page.evaluate(_TOO_WIDE, TELEPHONE) == [], page.url
    page.set_viewport_size(_SIZE)
