"""``{% text "name" count=3 %}``."""

from __future__ import annotations

from typing import Any

from django import template

from nhicard.insurer.portal import texts

register = template.Library()


@register.simple_tag
def text(name: str, **values: Any) -> str:
    """The text in the language of the request."""
    return texts.text(name, **values)
