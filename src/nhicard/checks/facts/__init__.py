"""Facts that come from the insurer's records: a module for each family, a function for each fact.

Rules ask for them by name, ``past("key_in_force")``; a fact of a list kind is asked for as ``past("refill_count:C")``.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING

from nhicard.checks.facts.registry import FACTS, Fact

if TYPE_CHECKING:
    import polars as pl

    from nhicard.checks.facts.past import Past

_PREFIX = "past:"


@cache
def _load() -> None:
    """Import every family, which registers its facts."""
    for module in iter_modules(__path__):
        import_module(f"{__name__}.{module.name}")


def is_past(column: str) -> bool:
    """Whether only a history can make the column (of an order, where a visit asks for it, too)."""
    return column.removeprefix("order:").startswith(_PREFIX)


def fact_of(column: str) -> Fact:
    """The fact behind a column ``past:name``; KeyError for a name that no fact bears."""
    _load()
    return FACTS[column.removeprefix("order:").removeprefix(_PREFIX)]


def columns(past: Past, names: Iterable[str]) -> list[pl.Series]:
    """The columns of these names, each made once."""
    return [fact_of(name).make(past).alias(name) for name in names]
