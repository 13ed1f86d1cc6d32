"""科別 as far as the register knows them: what the first two characters of an institution's code say.

The register has no 診療科別 of a hospital, a health station or a laboratory; these have none here, and an announcement
for a specialty does not reach them.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from typing import Final

from django.db.models import Q

_TABLE: Final = "data/specialties.csv"


@cache
def prefixes() -> Mapping[str, tuple[str, ...]]:
    """By specialty, in the order of the table, the codes' beginnings."""
    text = (files("nhicard.insurer.announcements") / _TABLE).read_text(encoding="utf-8")
    found: dict[str, tuple[str, ...]] = {}
    for row in csv.DictReader(text.splitlines()):
        found[row["specialty"]] = (*found.get(row["specialty"], ()), row["prefix"])
    return found


def is_of(specialties: Iterable[str], code: str) -> bool:
    """Whether the institution's code says one of the specialties."""
    return code.startswith(tuple(prefix for each in specialties for prefix in prefixes()[each]))


def of(specialties: Iterable[str]) -> Q:
    """Institutions of one of the specialties; not for an empty list."""
    asked = Q()
    for each in specialties:
        for prefix in prefixes()[each]:
            asked |= Q(code__startswith=prefix)
    return asked
