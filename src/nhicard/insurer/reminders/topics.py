"""What reminders may be about: ``data/topics.csv``."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True, slots=True)
class Topic:
    """One service that reminds. ``may_be_declined``: an institution may choose not to be told any more."""

    code: str
    zh: str
    en: str
    may_be_declined: bool


@cache
def topics() -> Mapping[str, Topic]:
    """Topics by their code, in the order of the table."""
    with (files(__package__) / "data" / "topics.csv").open(encoding="utf-8") as table:
        rows = list(csv.DictReader(table))
    return {row["code"]: Topic(row["code"], row["zh"], row["en"], row["may_be_declined"] == "yes") for row in rows}
