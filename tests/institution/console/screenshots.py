"""Pictures of the pages for docs/console.md: ``python -m tests.institution.console.screenshots``."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Final

from playwright.sync_api import sync_playwright
from tests.chromium import chromium
from tests.institution.console.console_browser import sign_in
from tests.institution.console.console_world import BAD_DIAGNOSIS, clinic, served

FOLDER: Final = Path(__file__).parents[3] / "docs" / "images"


def take(folder: Path) -> list[Path]:
    """One picture a page, and the first in English."""
    with tempfile.TemporaryDirectory() as home, sync_playwright() as playwright, chromium(playwright) as browser:
        world = clinic(Path(home))
        broken = world.visit(f"content LIKE '%{BAD_DIAGNOSIS}%'")
        pages = {
            "login": "/login",
            "today": "/",
            "visit": f"/visits/{broken}",
            "ranking": "/ranking",
            "comparison": "/comparison",
            "steps": "/steps",
            "status": "/status",
            "today-en": "/?lang=en",
        }
        with served(world.app) as address:
            page = browser.new_page(viewport={"width": 1200, "height": 760}, locale="zh-TW")
            made = []
            for name, path in pages.items():
                if name == "today":
                    sign_in(page, address)
                page.goto(address + path)
                target = folder / f"console-{name}.png"
                page.screenshot(path=target, full_page=name != "visit")
                made.append(target)
            return made


if __name__ == "__main__":
    chosen = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    chosen.mkdir(parents=True, exist_ok=True)
    for path in take(chosen):
        print(path.name, path.stat().st_size)  # noqa: T201
