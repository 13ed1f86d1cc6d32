"""Who takes part, by division and kind, closed institutions left out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from django.db.models import Exists, OuterRef, QuerySet

from nhicard.insurer.bandwidth import months
from nhicard.insurer.bandwidth.services.enrolling import enrolled
from nhicard.insurer.bandwidth.tables import group_of, groups
from nhicard.insurer.registry.models import Contract, Institution, Validity


@dataclass(frozen=True, slots=True)
class Count:
    """Institutions of a division and a group; ``group`` empty for their sum, ``division`` 0 for all."""

    division: int
    group: str
    joined: int
    not_joined: int

    @property
    def total(self) -> int:
        """Both."""
        return self.joined + self.not_joined


@dataclass(frozen=True, slots=True)
class Standing:
    """An institution that may take part, and whether it does."""

    institution: Institution
    group: str
    joined: bool


def standings(institutions: QuerySet[Institution], as_of: date) -> list[Standing]:
    """Every institution that is contracted on the day and of a kind that may take part, by code."""
    contract = Contract.objects.filter(Validity.on(as_of), institution=OuterRef("pk"))
    kinds = {each.kind for each in groups()}
    open_now = list(institutions.filter(Exists(contract), kind__in=kinds, division__isnull=False).order_by("code"))
    end = datetime.combine(as_of + timedelta(days=1), time()) - timedelta(microseconds=1)
    joined = enrolled(institutions, months.first(as_of), end)
    found = ((each, group_of(each.kind, each.code)) for each in open_now)
    return [Standing(each, group.code, each.pk in joined) for each, group in found if group]


def counts(found: Iterable[Standing]) -> list[Count]:
    """By division and group in the order of the table, each division's sum behind its groups, the sum of all last."""
    sums: dict[tuple[int, str], list[int]] = {}
    for each in found:
        division = each.institution.division or 0
        for key in ((division, each.group), (division, ""), (0, "")):
            sums.setdefault(key, [0, 0])[not each.joined] += 1
    order = [each.code for each in groups()] + [""]
    keys = sorted(sums, key=lambda key: (key[0] or 99, order.index(key[1])))
    return [Count(*key, *sums[key]) for key in keys]
