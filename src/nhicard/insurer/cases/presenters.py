"""What pages and files show of any case, in the language of the request."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from nhicard.insurer.applications.presenters import roc_moment
from nhicard.insurer.monitoring.services.downloads import harmless
from nhicard.insurer.portal.texts import text


class Step(Protocol):
    """A row of an app's history."""

    at: datetime
    actor: str
    name: str
    remark: str


@dataclass(frozen=True, slots=True)
class Told:
    """A step in the history."""

    at: str
    name: str
    by: str
    remark: str


def told(app: str, step: Step) -> Told:
    """A step in words of ``<app>.step.<name>``."""
    return Told(roc_moment(step.at), text(f"{app}.step.{step.name}"), step.actor, step.remark)


def left(app: str, days: int) -> str:
    """How many days are left, or by how many it is late (``<app>.left``, ``<app>.over``)."""
    return text(f"{app}.left", days=days) if days >= 0 else text(f"{app}.over", days=-days)


@dataclass(frozen=True, slots=True)
class Tally:
    """An institution's cases by state."""

    code: str
    name: str
    counts: tuple[int, ...]
    total: int


def tallies(counted: Iterable[tuple[str, str, int]], states: Sequence[str], names: Mapping[str, str]) -> list[Tally]:
    """Institution, state and number as one line an institution, in the order of ``states``; most to do first."""
    by_code: dict[str, dict[str, int]] = {}
    for code, state, number in counted:
        by_code.setdefault(code, {})[state] = number
    lines = [
        Tally(code, names.get(code, ""), tuple(of.get(each, 0) for each in states), sum(of.values()))
        for code, of in by_code.items()
    ]
    return sorted(lines, key=lambda line: (-line.counts[1], -line.counts[0], line.code))


def choices(prefix: str, values: Iterable[str]) -> list[tuple[str, str]]:
    """Values and their names, for a choice (``<prefix>.<value>``)."""
    return [(value, text(f"{prefix}.{value}")) for value in values]


def as_csv(header: Sequence[str], lines: Iterable[Sequence[object]]) -> bytes:
    """A file in UTF-8 with a mark; nothing in it that a spreadsheet would run."""
    stream = io.StringIO(newline="")
    writer = csv.writer(stream)
    writer.writerow(header)
    writer.writerows([harmless(value) for value in line] for line in lines)
    return stream.getvalue().encode("utf-8-sig")
