"""The app's tables: systems, profile rules, problems."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal

Sheet = Literal["EP", "DS"]


@dataclass(frozen=True, slots=True)
class Element:
    """What a profile asks of an element (data/profile.csv): how often, and which values.

    ``path`` starts at a resource's type. A step may choose among its elements: ``identifier[visit-identifier]`` by
    system (data/systems.csv), ``section[loinc|29548-5]`` by system and code, ``identifier[use=usual]`` by a member.
    """

    path: str
    least: int
    most: int | None
    values: frozenset[str]
    pattern: re.Pattern[str] | None
    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class Wording:
    """A problem as the API tells it: HTTP status, FHIR's issue type, what is wrong and what to do."""

    status: int
    issue: str
    zh: str
    en: str
    remedy_zh: str
    remedy_en: str


@cache
def elements(sheet: Sheet) -> tuple[Element, ...]:
    """The profile's rules for prescriptions (EP) or dispensing sheets (DS)."""
    return tuple(
        Element(
            row["path"],
            int(row["min"]),
            int(row["max"]) if row["max"] else None,
            frozenset(row["values"].split()),
            re.compile(row["pattern"]) if row["pattern"] else None,
            row["zh"],
            row["en"],
        )
        for row in rows("profile")
        if row["sheet"] in (sheet, "both")
    )


@cache
def systems() -> Mapping[str, tuple[str, ...]]:
    """URIs by name, the one to write first."""
    found: dict[str, tuple[str, ...]] = {}
    for row in rows("systems"):
        found[row["name"]] = (*found.get(row["name"], ()), row["uri"])
    return found


@cache
def wordings() -> Mapping[str, Wording]:
    """Problems by code."""
    return {
        row["code"]: Wording(int(row["status"]), row["issue"], row["zh"], row["en"], row["remedy_zh"], row["remedy_en"])
        for row in rows("problems")
    }


def rows(name: str) -> list[dict[str, str]]:
    """The rows of ``data/<name>.csv``."""
    content = (files(__package__) / "data" / f"{name}.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(content.splitlines()))
