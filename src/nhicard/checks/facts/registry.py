"""The table of facts, and how a function enters it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    import polars as pl

    from nhicard.checks.facts.past import Past

Source = Literal["history", "insurer"]


@dataclass(frozen=True, slots=True)
class Fact:
    """``reads``: the fields of either edition that it compares; where one of an order is among them, the fact has a
    row an order, otherwise a row a visit. ``source``: the records that the insurer holds, or its own state."""

    reads: tuple[str, ...]
    source: Source
    make: Callable[[Past], pl.Series]


FACTS: Final[dict[str, Fact]] = {}


def fact(
    reads: str, *, source: Source = "history", kinds: dict[str, Any] | None = None
) -> Callable[[Callable[..., pl.Series]], Callable[..., pl.Series]]:
    """Register a function of a ``Past`` as the fact of its name.

    ``reads``: field ids. ``kinds``: the fact is one of several, ``name:kind``, and the function takes the kind's value
    as its second argument; ``{}`` in ``reads`` is the kind's own fields.
    """

    def register(function: Callable[..., pl.Series]) -> Callable[..., pl.Series]:
        if kinds is None:
            FACTS[function.__name__] = Fact(tuple(reads.split()), source, function)
        for kind, value in (kinds or {}).items():
            own = tuple(reads.format(" ".join(getattr(value, "fields", ()))).split())
            FACTS[f"{function.__name__}:{kind}"] = Fact(own, source, partial(_of_kind, function, value))
        return function

    return register


def _of_kind(function: Callable[..., pl.Series], value: Any, past: Past) -> pl.Series:
    return function(past, value)
