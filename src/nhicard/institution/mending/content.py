"""What fields hold (``data/content.csv``), and why the rest is left to a person (``data/reasons.csv``)."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from functools import cache
from importlib.resources import as_file, files
from typing import Final, Literal, NamedTuple

from nhicard.formats.tables import Edition, Form, forms

Content = Literal["clinical", "person", "money", "identifier", "signature", "administrative"]
INSTITUTION_PATTERN: Final = "(?:[0-9]{2}|9A)"


class Reason(NamedTuple):
    """Why a finding is left, and what a person can do."""

    name: str
    zh: str
    en: str


def _rows(name: str) -> list[dict[str, str]]:
    with (
        as_file(files(__package__) / "data" / name) as path,
        path.open(encoding="utf-8", newline="") as lines,
    ):
        return list(csv.DictReader(lines))


@cache
def content(edition: Edition) -> Mapping[str, Content]:
    """What each field of the edition holds; what the table does not name is administrative."""
    named = {row["field"]: row["content"] for row in _rows("content.csv") if row["edition"] == edition}
    return {field: named.get(field, "administrative") for field in forms(edition)}  # type: ignore[misc]


@cache
def reasons() -> Mapping[str, Reason]:
    """All reasons by name."""
    return {row["reason"]: Reason(row["reason"], row["zh"], row["en"]) for row in _rows("reasons.csv")}


def is_free_text(form: Form) -> bool:
    """Whether a field may hold anything: what is in it is then never wrong by its form."""
    return form.form == "text" and form.pattern in ("", "ascii")


def is_institution(form: Form) -> bool:
    """Whether a field holds an institution code."""
    return form.pattern.startswith(INSTITUTION_PATTERN)
