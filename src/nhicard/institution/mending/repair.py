"""What a repair is: a small named function, with what it does, why that is safe, and which codes it cures.

The docstring is what users read (docs/mending.md): first a Chinese paragraph, then an English one. A repair of values
says for which fields it is; the value that comes out must be valid by the tables, or nothing is changed. A repair of
records looks at more than one value and gives what it would write.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

import polars as pl

from nhicard.formats.batch import Batch
from nhicard.formats.tables import Edition

Scope = Literal["visit", "order"]
Applies = Callable[[Edition, str], bool]
OfValue = Callable[[pl.Expr, Edition, str], pl.Expr]


class Proposal(NamedTuple):
    """New values of a field: ``rows`` says for which rows of the scope's frame, ``values`` has one for each row."""

    scope: Scope
    field: str
    rows: pl.Series
    values: pl.Series


OfRecords = Callable[[Batch], Iterator[Proposal]]


@dataclass(frozen=True, slots=True)
class Repair:
    """One repair. Of values: ``applies`` and ``value``; of records: ``records``."""

    name: str
    codes: tuple[str, ...]
    zh: str
    en: str
    applies: Applies | None = None
    value: OfValue | None = None
    records: OfRecords | None = None


_REPAIRS: Final[dict[str, Repair]] = {}


def repairs() -> tuple[Repair, ...]:
    """All repairs in the order in which they are applied: values first, then records."""
    from nhicard.institution.mending import records, values  # noqa: F401 - registers them

    return tuple(sorted(_REPAIRS.values(), key=lambda repair: repair.value is None))


def of_values(applies: Applies, codes: str) -> Callable[[OfValue], OfValue]:
    """Register a function from a field's value to the mended one (the same where it has nothing to mend)."""

    def register(function: OfValue) -> OfValue:
        zh, en = _explained(function)
        name = str(function.__name__)
        _REPAIRS[name] = Repair(name, tuple(codes.split()), zh, en, applies=applies, value=function)
        return function

    return register


def of_records(codes: str) -> Callable[[OfRecords], OfRecords]:
    """Register a function from a batch to what it would write."""

    def register(function: OfRecords) -> OfRecords:
        zh, en = _explained(function)
        name = str(function.__name__)
        _REPAIRS[name] = Repair(name, tuple(codes.split()), zh, en, records=function)
        return function

    return register


def _explained(function: Callable[..., object]) -> tuple[str, str]:
    paragraphs = textwrap.dedent(function.__doc__ or "").strip().split("\n\n")
    if len(paragraphs) != 2:
        raise ValueError(f"repair {function.__name__} needs a docstring with a Chinese and an English paragraph")
    return "".join(line.strip() for line in paragraphs[0].split("\n")), " ".join(paragraphs[1].split())
