"""The rules of claim files, a module a family; ``rule.rules`` loads them all."""

from importlib import import_module
from typing import Final

FAMILIES: Final = ("form", "sums", "totals", "dates", "people", "identifiers", "copayment", "visits")


def load() -> None:
    """Import every family, so that its rules are registered."""
    for family in FAMILIES:
        import_module(f"{__name__}.{family}")
