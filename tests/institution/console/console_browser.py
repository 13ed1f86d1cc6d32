"""Headless Chromium for the page tests."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from playwright.sync_api import Browser, Page, Playwright
from tests.institution.console.console_world import PASSWORD

CHROMIUM: Final = shutil.which("chromium")
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
def chromium(playwright: Playwright) -> Iterator[Browser]:
    """The browser of this machine."""
    assert CHROMIUM, "chromium is not installed; see tools/browser.sh"
    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=_ARGUMENTS)
    try:
        yield browser
    finally:
        browser.close()


def sign_in(page: Page, address: str) -> None:
    """Through the login page, as a clerk does."""
    page.goto(f"{address}/login")
    page.get_by_label("密碼").fill(PASSWORD)
    page.get_by_role("button", name="登入").click()
    page.wait_for_url(f"{address}/")
