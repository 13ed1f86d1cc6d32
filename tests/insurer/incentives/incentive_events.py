"""Events as the tables of the tests write them: ``2023-10-01 applied; 2023-12-31@2024-01-03 claim_completed:B``."""

from __future__ import annotations

import csv
from datetime import date, datetime, time
from pathlib import Path

from nhicard.insurer.incentives import scheme as schemes
from nhicard.insurer.incentives.engine import Entitlement, Event, Facts, entitlements
from nhicard.insurer.incentives.scheme import Scheme, changed, parse

FOLDER = Path(__file__).parent
CODE = "3501200000"


def events(told: str, institution: str = CODE) -> list[Event]:
    """The events of a cell, in the order in which they stand; ``@`` says when one came on record, if later."""
    found = []
    for place, each in enumerate(filter(None, (part.strip() for part in told.split(";")))):
        when, kind = each.split(" ")
        happened, _, recorded = when.partition("@")
        name, _, detail = kind.partition(":")
        at = datetime.combine(date.fromisoformat(recorded or happened), time(9))
        found.append(
            Event(institution, name, date.fromisoformat(happened), at, detail, f"{name} {place + 1}", place=place)
        )
    return found


def scheme(**told: dict[str, dict[str, object]]) -> Scheme:
    """The scheme of 112, with announcements and assumptions set."""
    document = dict(schemes.load()[112].document)
    return parse(changed(document, told))


def announced(**days: str) -> Scheme:
    """The scheme of 112 with these days of announcements."""
    return scheme(announcements={name: {"day": day} for name, day in days.items()})


def assuming(**values: bool) -> Scheme:
    """The scheme of 112 with these assumptions."""
    return scheme(assumptions={name: {"value": value} for name, value in values.items()})


def of(told: str, as_of: str, kind: str = "clinic", by: Scheme | None = None) -> dict[str, Entitlement]:
    """Entitlements by item."""
    found = entitlements(events(told), Facts(CODE, kind), by or schemes.load()[112], date.fromisoformat(as_of))
    return {each.item: each for each in found}


def table(name: str) -> list[dict[str, str]]:
    """A table beside this file, without its headings."""
    text = (FOLDER / f"{name}.csv").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    return list(csv.DictReader(lines))
