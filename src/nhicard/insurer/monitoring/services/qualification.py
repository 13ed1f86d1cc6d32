"""H1: who met both conditions, decided daily for everybody or on demand for one, once and for good."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db import transaction

from nhicard.insurer.audit import chain
from nhicard.insurer.intake.models import DayCount, EditionState
from nhicard.insurer.monitoring.models import Qualification
from nhicard.insurer.monitoring.services.evidence import frozen
from nhicard.insurer.monitoring.services.report import report, totals, window

JOB: Final = "nhicard qualify"
_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of a run for everybody: institutions with visits in the seven days, and what was found of them."""

    seen: int
    already: int
    qualified: int
    not_yet: int


def qualify(as_of: datetime) -> Outcome:
    """Qualify whoever meets both conditions and is not qualified yet; run again, it finds nothing more to do."""
    seen = already = qualified = 0
    for codes in _reporting(as_of):
        seen += len(codes)
        known = set(
            EditionState.objects.filter(institution__in=codes, qualified_at__isnull=False).values_list(
                "institution", flat=True
            )
        )
        already += len(known)
        for code, counts in totals([each for each in codes if each not in known], as_of).items():
            if counts.is_complete and not counts.by_vpn:
                qualified += qualify_one(code, as_of, JOB) is not None
    return Outcome(seen, already, qualified, seen - already - qualified)


@transaction.atomic
def qualify_one(institution: str, as_of: datetime, actor: str, role: str = "") -> Qualification | None:
    """Qualify the institution if it meets both conditions and is not qualified yet; None otherwise."""
    EditionState.objects.bulk_create([EditionState(institution=institution)], ignore_conflicts=True)
    state = EditionState.objects.select_for_update().get(institution=institution)
    if state.qualified_at is not None:
        return None
    found = report(institution, as_of)
    if not found.qualifies:
        return None
    at = as_of.replace(microsecond=0)
    state.qualified_at = at
    state.save(update_fields=["qualified_at"])
    row = Qualification.objects.create(institution=institution, at=at, decided_by=actor, evidence=frozen(found))
    chain.record(
        at=at,
        actor=actor,
        role=role,
        action="institution.qualified",
        subject=f"qualification {row.pk}",
        institution=institution,
        facts={"digest": row.evidence["digest"]},
    )
    return row


def _reporting(as_of: datetime) -> Iterator[list[str]]:
    """Codes of the institutions that have visits in the seven days, some at a time."""
    days, last = window(as_of.date()), ""
    while True:
        rows = DayCount.objects.filter(visit_date__range=(days[0], days[-1]), institution__gt=last)
        codes = list(rows.order_by("institution").values_list("institution", flat=True).distinct()[:_AT_ONCE])
        if not codes:
            return
        yield codes
        last = codes[-1]
