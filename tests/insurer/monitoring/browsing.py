"""The portal served to a browser from the test's own connection, so that it sees what the test has not committed."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from socketserver import ThreadingMixIn
from typing import Any, Final

import pytest
from django.conf import settings
from django.core.servers.basehttp import WSGIRequestHandler, WSGIServer
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections, connections
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, sync_playwright
from tests.insurer.portal import people

from nhicard.insurer.accounts.models import User

CHROMIUM: Final = shutil.which("chromium")
_ARGUMENTS: Final = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]


class _Server(ThreadingMixIn, WSGIServer):
    """Django's own closes the connection after each request, and this one is the test's."""

    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *arguments: Any) -> None:
        """Nothing."""


@contextmanager
def served() -> Iterator[str]:
    """The address of the portal on this machine."""
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
        context = self.browser.new_context(locale="zh-TW", viewport={"width": 1200, "height": 900}, **options)
        context.set_default_timeout(5000)
        name = settings.SESSION_COOKIE_NAME
        cookie: Any = {"name": name, "value": client.cookies[name].value, "secure": True}
        context.add_cookies([cookie | {"url": f"{self.address}/portal/"}])
        return context


@contextmanager
def portal() -> Iterator[Portal]:
    """The browser of this machine before the portal."""
    assert CHROMIUM, "chromium is not installed; see tools/browser.sh"
    ours = connections["default"]
    with served() as address, sync_playwright() as playwright, pytest.MonkeyPatch.context() as patch:
        # Playwright has an event loop of its own in this thread, for which Django would open another connection
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        connections["default"] = ours
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=_ARGUMENTS)
        yield Portal(browser, address)
        browser.close()
