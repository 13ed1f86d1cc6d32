"""The institutions that a division looks after, each with its ratio of the seven days."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db.models import Q, QuerySet

from nhicard.insurer.intake.models import EditionState
from nhicard.insurer.monitoring.services.report import Counts, totals
from nhicard.insurer.registry.models import Institution

PAGE: Final = 50


@dataclass(frozen=True, slots=True)
class Line:
    """An institution: what it reported, and since when it is qualified."""

    code: str
    name: str
    counts: Counts
    qualified_at: datetime | None


@dataclass(frozen=True, slots=True)
class Listing:
    """Some institutions in the order of their codes; ``after`` is where the next ones begin, empty at the end."""

    lines: Sequence[Line]
    after: str


def listed(institutions: QuerySet[Institution], as_of: datetime, wanted: str = "", after: str = "") -> Listing:
    """Those whose code begins with, or whose name has, ``wanted``; from behind the code ``after``."""
    if wanted:
        institutions = institutions.filter(Q(code__startswith=wanted) | Q(name__contains=wanted))
    rows = institutions.filter(code__gt=after).order_by("code").values_list("code", "short_name")[: PAGE + 1]
    found = list(rows)
    codes = [code for code, _ in found[:PAGE]]
    counts = totals(codes, as_of)
    states = EditionState.objects.filter(institution__in=codes)
    since = dict(states.values_list("institution", "qualified_at"))
    lines = [Line(code, name, counts.get(code, Counts()), since.get(code)) for code, name in found[:PAGE]]
    return Listing(lines, codes[-1] if len(found) > PAGE else "")
