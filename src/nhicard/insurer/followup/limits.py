"""The time limits: ``data/limits.toml``."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files


@dataclass(frozen=True, slots=True)
class Newborn:
    """Limits of newborn marks, in days."""

    registered_within: int
    depends_for: int
    answer_within: int
    look_back: int


@dataclass(frozen=True, slots=True)
class GeneTest:
    """Limits of the gene test's result, in days, and what is a test and its result."""

    code: str
    answer_within: int
    remind_before: int
    since: date
    look_back: int
    result_pattern: str


@dataclass(frozen=True, slots=True)
class Limits:
    """All of them."""

    newborn: Newborn
    hla_b: GeneTest


@cache
def limits() -> Limits:
    """The packaged limits."""
    told = tomllib.loads((files(__package__) / "data" / "limits.toml").read_text(encoding="utf-8"))
    return Limits(Newborn(**told["newborn"]), GeneTest(**told["hla_b"]))
