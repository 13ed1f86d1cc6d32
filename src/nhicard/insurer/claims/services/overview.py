"""The institutions of a division by the state of one month and format."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from nhicard.insurer.claims.forms import NOTHING, Query
from nhicard.insurer.claims.models import ClaimMonth, Format
from nhicard.insurer.registry.models import Institution, Kind

PAGE: Final = 50
_CLAIM_IT: Final[Mapping[str, tuple[Kind, ...]]] = {
    Format.OUTPATIENT: (Kind.HOSPITAL, Kind.CLINIC),
    Format.INPATIENT: (Kind.HOSPITAL, Kind.CLINIC),
    Format.PHARMACY: (Kind.PHARMACY,),
}


@dataclass(frozen=True, slots=True)
class Line:
    """An institution with its rows of the month, one for each part; none: nothing was sent."""

    institution: Institution
    months: Sequence[ClaimMonth]


@dataclass(frozen=True, slots=True)
class Overview:
    """``counts``: institutions by state, ``NOTHING`` included; ``after``: where the next page begins, or empty."""

    counts: Mapping[str, int]
    lines: Sequence[Line]
    after: str


def formats_of(institution: Institution) -> list[str]:
    """The formats that an institution of its kind claims in."""
    return [form for form, kinds in _CLAIM_IT.items() if institution.kind in kinds]


def overview(institutions: QuerySet[Institution], asked: Query) -> Overview:
    """Counts over all of the institutions, and the page that is asked for."""
    rows = ClaimMonth.objects.filter(format=asked.format, month=asked.month)
    own = rows.filter(institution=OuterRef("pk"))
    concerned = institutions.filter(Q(kind__in=_CLAIM_IT[asked.format]) | Q(Exists(own)))
    by_state = (
        rows.filter(institution__in=institutions)
        .values("state")
        .annotate(count=Count("institution", distinct=True))
        .values_list("state", "count")
    )
    counts = dict(by_state) | {NOTHING: concerned.filter(~Exists(own)).count()}
    found = concerned
    if asked.state == NOTHING:
        found = found.filter(~Exists(own))
    elif asked.state:
        found = found.filter(Exists(own.filter(state=asked.state)))
    if asked.wanted:
        found = found.filter(Q(code__startswith=asked.wanted) | Q(name__contains=asked.wanted))
    page = list(found.filter(code__gt=asked.after).order_by("code")[: PAGE + 1])
    by_institution: dict[int, list[ClaimMonth]] = {}
    for month in rows.filter(institution__in=page[:PAGE]).order_by("part"):
        by_institution.setdefault(month.institution_id, []).append(month)
    lines = [Line(each, by_institution.get(each.pk, [])) for each in page[:PAGE]]
    return Overview(counts, lines, page[PAGE - 1].code if len(page) > PAGE else "")
