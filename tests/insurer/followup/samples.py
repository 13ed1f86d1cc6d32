"""A case of every place, for the matrix of rights."""

from __future__ import annotations

from datetime import date
from typing import Any

from tests.insurer.portal.samples import place_of, sample
from tests.insurer.virtualcards.virtual_weeks import visit

from nhicard.insurer import clock
from nhicard.insurer.accounts.models import User
from nhicard.insurer.followup.models import Case


@sample("followup:case")
def case(user: User) -> dict[str, Any]:
    day = date(2026, 3, 1)
    made = visit(place_of(user), day)
    number = Case.objects.create(
        kind="hla_b",
        subject=made.key,
        institution=made.institution,
        visit=made,
        visit_date=day,
        findings=["no-result"],
        found_at=clock.now(),
        due=date(2026, 3, 15),
    ).pk
    return {"number": number}


@sample("followup:act")
def act(user: User) -> dict[str, Any]:
    return case(user) | {"action": "explain" if user.is_of_institution else "accept"}
