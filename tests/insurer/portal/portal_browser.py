"""Headless Chromium before the portal, and pictures for the documentation, which this command takes anew:

NHICARD_PICTURES=docs/images python -m pytest -n0 tests/insurer/accounts/test_accounts_browser.py
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Browser, Page, sync_playwright

CHROMIUM: Final = shutil.which("chromium")
PICTURES: Final = os.environ.get("NHICARD_PICTURES", "")
_ARGUMENTS: Final = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@contextmanager
def chromium() -> Iterator[Browser]:
    """The browser of this machine. Playwright's own loop stops Django from using the database; that is switched off."""
    assert CHROMIUM, "chromium is not installed; see tools/browser.sh"
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=_ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def watched(browser: Browser, *, language: str = "zh-TW", script: bool = True) -> Iterator[Page]:
    """A page of its own browser profile; errors of scripts and of the CSP fail the test, refusals by HTTP do not."""
    context = browser.new_context(
        locale=language, viewport={"width": 1200, "height": 800}, java_script_enabled=script, ignore_https_errors=True
    )
    context.set_default_timeout(10_000)
    page, troubles = context.new_page(), list[str]()
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("console", lambda told: troubles.append(told.text) if told.type == "error" else None)
    try:
        yield page
    finally:
        context.close()
    assert not [each for each in troubles if "Failed to load resource" not in each]


def local(address: str) -> str:
    """The server's address under the one name for which a browser keeps secure cookies without HTTPS."""
    return address.replace("127.0.0.1", "localhost")


def picture(page: Page, name: str) -> None:
    """Keep a picture of the page for the documentation, where pictures are wanted."""
    if PICTURES:
        page.screenshot(path=Path(PICTURES) / f"portal-{name}.png", full_page=True)


def assert_no_barrier(page: Page) -> None:
    """No serious finding of axe."""
    found = Axe().run(page).response["violations"]
    serious = [
        (rule["id"], node["html"])
        for rule in found
        if rule["impact"] in ("serious", "critical")
        for node in rule["nodes"]
    ]
    assert not serious, page.url
