"""The console's pages as a clerk sees them."""

from __future__ import annotations

from playwright.sync_api import Page
from tests.institution.console.console_world import PASSWORD


def sign_in(page: Page, address: str) -> None:
    """Through the login page, as a clerk does."""
    page.goto(f"{address}/login")
    page.get_by_label("密碼").fill(PASSWORD)
    page.get_by_role("button", name="登入").click()
    page.wait_for_url(f"{address}/")
