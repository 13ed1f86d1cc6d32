"""The comparison of readers as the page shows it: ``data/readers.csv``."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True, slots=True)
class Compared:
    """One line of the comparison: what is compared, and what holds for each of three ways; in one language."""

    feature: str
    physical: str
    cloud: str
    virtual: str


@cache
def comparison(*, english: bool) -> tuple[Compared, ...]:
    """The lines in the order of the table."""
    language = "en" if english else "zh"
    with (files(__package__) / "data" / "readers.csv").open(encoding="utf-8") as table:
        rows = list(csv.DictReader(table))
    names = ("feature", "physical", "cloud", "virtual")
    return tuple(Compared(*(row[f"{name}_{language}"] for name in names)) for row in rows)
