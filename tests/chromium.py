"""Chromium without a window, and what axe finds in its pages."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import pytest
from axe_playwright_python.base import AXE_SCRIPT  # type: ignore[import-untyped]
from playwright.sync_api import Browser, Page, Playwright

#: The build that has no window to hide takes a fifth less of a core.
CHROMIUM: Final = shutil.which("chromium-headless-shell") or shutil.which("chromium")
needs_chromium: Final = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed; see tools/browser.sh")
_ARGUMENTS: Final = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
_SERIOUS: Final = """() => axe.run({resultTypes: ["violations"]}).then(found => found.violations
    .filter(rule => ["serious", "critical"].includes(rule.impact))
    .flatMap(rule => rule.nodes.map(node => [rule.id, node.html])))"""


@contextmanager
def chromium(playwright: Playwright) -> Iterator[Browser]:
    """The browser of this machine."""
    assert CHROMIUM, "chromium is not installed; see tools/browser.sh"
    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=_ARGUMENTS)
    try:
        yield browser
    finally:
        browser.close()


def assert_no_barrier(page: Page) -> None:
    """No serious finding of axe."""
    page.evaluate(AXE_SCRIPT)
    assert page.evaluate(_SERIOUS) == [], page.url
