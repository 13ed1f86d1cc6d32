"""The portal's pages as the main menu shows them: one table, filtered by the rights that stand on the views."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from django.http import HttpRequest
from django.urls import NoReverseMatch, resolve, reverse

from nhicard.insurer.portal.texts import text, texts

#: URL names in the order of the menu; each has a text ``menu.<name>`` and ``menu.<name>.about``.
MENU: Final = (
    "portal:home",
    "uploads:list",
    "monitoring:report",
    "applications:new",
    "applications:cases",
    "applications:work",
    "announcements:list",
    "audit:log",
)


@dataclass(frozen=True, slots=True)
class Page:
    """An entry of the menu."""

    address: str
    title: str
    about: str
    is_current: bool


def pages(request: HttpRequest) -> dict[str, Any]:
    """For every template: the user's pages, and where the user belongs. Nothing for who is not signed in."""
    user: Any = getattr(request, "user", None)
    if user is None or not user.is_authenticated or not user.is_verified():
        return {"pages": [], "place": ""}
    place = f"{user.institution.short_name} {user.institution.code}" if user.is_of_institution else ""
    if user.is_of_division:
        place = text(f"division.{user.division}")
    return {"pages": list(_pages(request, user.role)), "place": place, "role": text(f"accounts.role.{user.role}")}


def _pages(request: HttpRequest, role: str) -> Iterator[Page]:
    for name in MENU:
        try:
            address = reverse(name)
        except NoReverseMatch:
            continue  # an app that is not installed here
        if role in getattr(resolve(address).func, "roles", ()):
            key = f"menu.{name}"
            about = text(f"{key}.about") if f"{key}.about" in texts() else ""
            current = request.path == address or (
                address != reverse("portal:home") and request.path.startswith(address)
            )
            yield Page(address, text(key), about, current)
