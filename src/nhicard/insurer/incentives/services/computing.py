"""Entitlements of institutions in the register, as of the end of a day."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Final

import polars as pl
from django.conf import settings
from django.db.models import QuerySet

from nhicard.insurer.incentives import scheme as schemes
from nhicard.insurer.incentives.engine import Entitlement, Event, Facts, entitlements
from nhicard.insurer.incentives.scheme import Scheme
from nhicard.insurer.incentives.services import sources
from nhicard.insurer.registry.models import Institution

#: Above this many codes sources are asked for everybody: a long list costs more than what it leaves out.
_MANY: Final = 500


def all_schemes() -> dict[int, Scheme]:
    """The packaged schemes, and what the folder ``schemes`` of the insurer's home adds and sets. Raises BadScheme."""
    return schemes.load(Path(settings.HOME) / "schemes")


def scheme_of(as_of: date, year: int | None = None) -> Scheme:
    """The scheme of the ROC year, or the one in force. Raises KeyError for a year without one, BadScheme."""
    found = all_schemes()
    return found[year] if year is not None else schemes.in_force(found, as_of)


def earning(found: QuerySet[Institution]) -> QuerySet[Institution]:
    """Those that can earn anything."""
    return found.filter(kind__in=schemes.INSTITUTIONS)


def facts_of(found: QuerySet[Institution]) -> list[Facts]:
    """What the engine has to know of institutions, in the order of their codes."""
    return [Facts(*row) for row in found.order_by("code").values_list("code", "kind", "division")]


def of_one(institution: Institution, scheme: Scheme, as_of: date) -> tuple[Entitlement, ...]:
    """One institution's items."""
    frame = sources.gather(as_of, [institution.code])
    facts = Facts(institution.code, institution.kind, institution.division)
    return entitlements(sources.events(frame), facts, scheme, as_of)


def of_many(facts: Sequence[Facts], scheme: Scheme, as_of: date) -> dict[str, tuple[Entitlement, ...]]:
    """The items of each, by code; those without events too."""
    codes = [each.code for each in facts]
    return replayed(sources.gather(as_of, codes if len(codes) <= _MANY else None), facts, scheme, as_of)


def replayed(
    frame: pl.DataFrame, facts: Iterable[Facts], scheme: Scheme, as_of: date
) -> dict[str, tuple[Entitlement, ...]]:
    """The same from a frame of events."""
    known: dict[str, list[Event]] = {}
    for event in sources.events(frame):
        known.setdefault(event.institution, []).append(event)
    # of those to whom nothing happened, which are most, one of a kind stands for all
    untouched = {kind: entitlements((), Facts("", kind), scheme, as_of) for kind in schemes.INSTITUTIONS}
    return {
        each.code: entitlements(known[each.code], each, scheme, as_of)
        if each.code in known
        else tuple(replace(item, institution=each.code) for item in untouched.get(each.kind, ()))
        for each in facts
    }


def points(found: Iterable[Entitlement]) -> int:
    """Their sum."""
    return sum(each.points for each in found)
