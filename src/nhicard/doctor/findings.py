"""What a check says: a name in ``texts.csv``, which has its level and its words, and the facts that fill them."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Any, Final


class Level(StrEnum):
    """How bad it is; ``unknown``: not examined, because something that it rests on is broken or is not here."""

    ok = "ok"
    unknown = "unknown"
    warning = "warning"
    failure = "failure"


_EXIT: Final = {Level.ok: 0, Level.unknown: 0, Level.warning: 1, Level.failure: 2}


@dataclass(frozen=True, slots=True)
class Text:
    """A row of ``texts.csv``: what is so, and what to do, in both languages; braces are filled with facts."""

    level: Level
    zh: str
    en: str
    do_zh: str
    do_en: str


@dataclass(frozen=True, slots=True)
class Finding:
    """``name`` is ``check.case`` or ``unexamined``; ``facts`` are counts, days, paths: nothing of a person."""

    name: str
    facts: Mapping[str, Any]

    @property
    def level(self) -> Level:
        """How bad it is."""
        return texts()[self.name].level

    def told(self) -> dict[str, str]:
        """The finding in words, as ``--format json`` prints it."""
        text = texts()[self.name]
        words = {key: getattr(text, key).format(**self.facts) for key in ("zh", "en", "do_zh", "do_en")}
        return {"finding": self.name, "level": str(text.level), **words}


def finding(name: str, /, **facts: Any) -> Finding:
    """What a check found. Raises KeyError for a name that the table does not have."""
    texts()[name]
    return Finding(name, facts)


@cache
def texts() -> dict[str, Text]:
    """All texts by name."""
    rows = csv.DictReader((files("nhicard.doctor") / "texts.csv").read_text("utf-8").splitlines())
    return {row["name"]: Text(Level(row["level"]), row["zh"], row["en"], row["do_zh"], row["do_en"]) for row in rows}


def exit_code(found: Iterable[Finding]) -> int:
    """0 all in order, 1 something to look at, 2 something is broken."""
    return max((_EXIT[each.level] for each in found), default=0)
