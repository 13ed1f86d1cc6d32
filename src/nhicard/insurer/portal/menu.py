"""The portal's pages as the main menu shows them: one table, filtered by the rights that stand on the views."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from django.http import HttpRequest
from django.urls import NoReverseMatch, resolve, reverse

from nhicard.insurer.portal.texts import text, texts

#: Sections of the menu and the URL names in them, in order. A section has a text ``menu.section.<name>``, a page the
#: texts ``menu.<name>`` and ``menu.<name>.about``.
MENU: Final = {
    "data": (
        "uploads:list",
        "monitoring:report",
    ),
    "applications": (
        "applications:new",
        "applications:cases",
        "applications:work",
    ),
    "rewards": ("incentives:points", "prescriptions:list", "eprescriptions:list", "claims:list"),
    "services": (
        "securitymodules:list",
        "virtualcards:overview",
        "followup:cases",
        "absences:cases",
        "detectors:list",
        "taxes:list",
        "bandwidth:list",
        "hours:mine",
        "hours:overview",
    ),
    "messages": (
        "announcements:list",
        "reminders:list",
    ),
    "administration": ("audit:log",),
}
HOME: Final = "portal:home"


@dataclass(frozen=True, slots=True)
class Page:
    """An entry of the menu."""

    address: str
    title: str
    about: str
    is_current: bool


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the menu with the pages in it that the user may see; never none."""

    title: str
    pages: tuple[Page, ...]

    @property
    def is_current(self) -> bool:
        """Whether the page being shown is in it."""
        return any(page.is_current for page in self.pages)


def pages(request: HttpRequest) -> dict[str, Any]:
    """For every template: the user's pages, and where the user belongs. Nothing for who is not signed in."""
    user: Any = getattr(request, "user", None)
    if user is None or not user.is_authenticated or not user.is_verified():
        return {"menu": [], "place": ""}
    place = f"{user.institution.short_name} {user.institution.code}" if user.is_of_institution else ""
    if user.is_of_division:
        place = text(f"division.{user.division}")
    sections = [Section(text(f"menu.section.{key}"), tuple(_pages(request, user.role, MENU[key]))) for key in MENU]
    return {
        "home_page": next(_pages(request, user.role, (HOME,))),
        "menu": [section for section in sections if section.pages],
        "place": place,
        "role": text(f"accounts.role.{user.role}"),
    }


def _pages(request: HttpRequest, role: str, names: Iterable[str]) -> Iterator[Page]:
    for name in names:
        try:
            address = reverse(name)
        except NoReverseMatch:
            continue  # an app that is not installed here
        if role in getattr(resolve(address).func, "roles", ()):
            key = f"menu.{name}"
            about = text(f"{key}.about") if f"{key}.about" in texts() else ""
            current = request.path == address or (address != reverse(HOME) and request.path.startswith(address))
            yield Page(address, text(key), about, current)
