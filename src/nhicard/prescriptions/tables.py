"""The tables of this room: fields of the text, kinds of prescription."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal

Owner = Literal["header", "order"]


@dataclass(frozen=True, slots=True)
class Field:
    """A field of the text. ``length``: characters at most; ``values``: the only ones there are, if not empty.

    ``visit_column``: the column of docs/visits.md that tells it, empty where a visit does not.
    """

    of: Owner
    name: str
    zh: str
    en: str
    form: str
    length: int
    required: bool
    values: tuple[str, ...]
    visit_column: str


@dataclass(frozen=True, slots=True)
class Kind:
    """處方種類. Days are counted from the visit; ``None`` where there is no such limit.

    ``valid_days``: may be dispensed on the day of the visit and the following days up to this many in all.
    ``most_valid_days``: of a refillable one, valid as long as its supply, at most so many days.
    ``early_days``: a refill may be fetched so many days before the supply before it ends. ``visit_column``: the column
    of a visit that says how often it may be dispensed.
    """

    kind: str
    zh: str
    en: str
    is_refillable: bool
    most_dispensings: int
    most_days: int | None
    valid_days: int | None
    most_valid_days: int | None
    early_days: int | None
    visit_column: str


@cache
def fields(of: Owner) -> tuple[Field, ...]:
    """The fields in their order."""
    return tuple(
        Field(
            of,
            row["name"],
            row["zh"],
            row["en"],
            row["form"],
            int(row["length"]),
            bool(row["required"]),
            tuple(row["values"].split()),
            row["visit_column"],
        )
        for row in rows("fields")
        if row["of"] == of
    )


@cache
def kinds() -> Mapping[str, Kind]:
    """The kinds by their code, A to F."""
    return {
        row["kind"]: Kind(
            row["kind"],
            row["zh"],
            row["en"],
            bool(row["is_refillable"]),
            int(row["most_dispensings"]),
            _limit(row["most_days"]),
            _limit(row["valid_days"]),
            _limit(row["most_valid_days"]),
            _limit(row["early_days"]),
            row["visit_column"],
        )
        for row in rows("kinds")
    }


def _limit(days: str) -> int | None:
    return int(days) if days else None


def rows(name: str) -> list[dict[str, str]]:
    """The rows of ``data/<name>.csv``."""
    content = (files("nhicard.prescriptions") / "data" / f"{name}.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(content.splitlines()))
