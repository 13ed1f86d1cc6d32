"""診療科別: the shipped list of treatment departments, with English names beside it."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Final

from django.utils import translation

from nhicard.checks.reference.catalogue import catalogue
from nhicard.checks.reference.shipped import shipped_rows

#: 不分科: of a file that does not tell specialties, and of pharmacies.
UNDIVIDED: Final = "00"
_LIST: Final = "treatment_departments"


@cache
def specialties() -> Mapping[str, tuple[str, str]]:
    """Chinese and English name by code, in the order of the list."""
    spec = catalogue()[_LIST]
    english = _table("specialty_names", "code", "name_en")
    rows = shipped_rows(spec, str(spec.shipped)).select("code", "name").unique().sort("code")
    return {code: (name, english.get(code, name)) for code, name in rows.iter_rows()}


def name(code: str) -> str:
    """What the specialty is called in the language of the request."""
    zh, en = specialties().get(code, (code, code))
    return en if (translation.get_language() or "").startswith("en") else zh


def usual(institution: str) -> str:
    """The specialty that an institution's code says; undivided where it says none."""
    return _table("usual_specialties", "prefix", "specialty").get(institution[:2], UNDIVIDED)


@cache
def _table(table: str, key: str, value: str) -> Mapping[str, str]:
    text = (files(__package__) / "data" / f"{table}.csv").read_text(encoding="utf-8")
    return {row[key]: row[value] for row in csv.DictReader(text.splitlines())}
