"""Every address of the portal, read off the resolver."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver, reverse


@dataclass(frozen=True)
class Address:
    """A URL pattern. ``roles``: those its view is for; None where it is guarded by nothing."""

    name: str
    parameters: tuple[str, ...]
    roles: tuple[str, ...] | None

    def __str__(self) -> str:
        return self.name

    def at(self, **named: Any) -> str:
        """The path."""
        return reverse(self.name, kwargs=named)


def addresses() -> list[Address]:
    """All that lies under ``/portal/``, sorted by name."""
    portal = (each for each in get_resolver().url_patterns if str(each.pattern).startswith("portal/"))
    return sorted((found for each in portal for found in _under(each, "")), key=lambda address: address.name)


def _under(pattern: URLPattern | URLResolver, space: str) -> Iterator[Address]:
    if isinstance(pattern, URLResolver):
        inner = f"{space}{pattern.namespace}:" if pattern.namespace else space
        for each in pattern.url_patterns:
            yield from _under(each, inner)
        return
    roles = getattr(pattern.callback, "roles", None)
    parameters = tuple(pattern.pattern.regex.groupindex)
    yield Address(f"{space}{pattern.name}", parameters, tuple(roles) if roles is not None else None)
