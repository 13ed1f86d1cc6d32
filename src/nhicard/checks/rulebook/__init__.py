"""The rulebook: a module for each family of rules, a function for each code."""

from functools import cache
from importlib import import_module
from pkgutil import iter_modules


@cache
def load() -> None:
    """Import every family, which registers its rules."""
    for edition in ("edition10", "edition20"):
        package = import_module(f"{__name__}.{edition}")
        for module in iter_modules(package.__path__):
            import_module(f"{package.__name__}.{module.name}")
