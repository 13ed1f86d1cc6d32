"""The portal's words: each app's ``texts.csv``, both languages beside each other."""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path
from typing import Any, Final

from django.apps import apps
from django.utils import translation

FILE: Final = "texts.csv"


@cache
def texts() -> dict[str, tuple[str, str]]:
    """Chinese and English by name. Raises ValueError for a name that two apps have."""
    found: dict[str, tuple[str, str]] = {}
    for app in apps.get_app_configs():
        path = Path(app.path) / FILE
        if app.name.startswith("nhicard.") and path.exists():
            with path.open(encoding="utf-8", newline="") as stream:
                for row in csv.DictReader(stream):
                    if row["name"] in found:
                        raise ValueError(f"text {row['name']} is in two tables")
                    found[row["name"]] = (row["zh"], row["en"])
    return found


def text(name: str, **values: Any) -> str:
    """The text in the language of the request; raises KeyError for a name that there is not."""
    zh, en = texts()[name]
    chosen = en if (translation.get_language() or "").startswith("en") else zh
    return chosen.format(**values) if values else chosen
