"""The console's words: one table, ``texts.csv``, both languages beside each other."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from functools import cache
from importlib.resources import as_file, files
from types import MappingProxyType

from nhicard.institution.console.display import Language


@cache
def table() -> Mapping[str, Mapping[Language, str]]:
    """Both texts of each name."""
    with as_file(files(__package__) / "texts.csv") as path, path.open(encoding="utf-8", newline="") as lines:
        return MappingProxyType({row["name"]: {"zh": row["zh"], "en": row["en"]} for row in csv.DictReader(lines)})


def text(name: str, language: Language, **facts: object) -> str:
    """The text of this name with ``facts`` filled in; KeyError where there is none."""
    return table()[name][language].format(**facts)
