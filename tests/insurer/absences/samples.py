"""A case and a report of every place, for the matrix of rights."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from tests.insurer.portal.samples import place_of, sample

from nhicard.insurer import clock
from nhicard.insurer.absences.models import Case, ReportedAbsence
from nhicard.insurer.accounts.models import User


@sample("absences:case")
def case(user: User) -> dict[str, Any]:
    made = Case.objects.create(
        institution=place_of(user).code,
        physician="A123456789",
        exit_on=date(2026, 3, 1) + timedelta(days=Case.objects.count()),
        found_at=clock.now(),
        due=date(2026, 4, 1),
    )
    return {"number": made.pk}


@sample("absences:act")
def act(user: User) -> dict[str, Any]:
    return case(user) | {"action": "explain" if user.is_of_institution else "accept"}


@sample("absences:withdraw")
def withdraw(user: User) -> dict[str, Any]:
    made = ReportedAbsence.objects.create(
        institution=place_of(user),
        physician="A123456789",
        replacement="B123456780",
        exit_on=date(2026, 3, 1),
        at=clock.now(),
        by=user,
    )
    return {"number": made.pk}
