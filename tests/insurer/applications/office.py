"""An institution that may apply, and the people of its division: ``office.opened()``."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from tests.insurer.portal import people

from nhicard.insurer.accounts.models import User
from nhicard.insurer.applications.models import Case
from nhicard.insurer.applications.services import cases
from nhicard.insurer.applications.services.guards import Order
from nhicard.insurer.intake.models import EditionState
from nhicard.insurer.registry.models import Contract, Institution

NOW = datetime(2023, 10, 25, 9, 30)  # a Wednesday
TODAY = NOW.date()
WRITTEN: dict[str, Any] = {
    "contact_name": "測試承辦",
    "contact_phone": "02-0000-0000",
    "contact_email": "clerk@example.org",
    "wanted_from": None,
    "remark": "測試說明",
    "consequences_read": True,
}


@dataclass
class Office:
    """The people of one institution and of its division."""

    institution: Institution
    clerk: User
    representative: User
    officer: User
    supervisor: User

    def drafted(self, kind: str = "ic20", now: datetime = NOW, **facts: Any) -> Case:
        """A draft with everything in it."""
        return cases.write(cases.draft(self.clerk, kind, now), WRITTEN | facts)

    def submitted(self, kind: str = "ic20", now: datetime = NOW, **facts: Any) -> Case:
        """A case that the division has to decide."""
        return cases.act(self.drafted(kind, now, **facts).pk, "submit", self.representative, now)

    def agreed(self, kind: str = "ic20", now: datetime = NOW, day: date | None = None) -> Case:
        """A case that the division has agreed to, by two persons where that is the rule."""
        case, order = self.submitted(kind, now), Order(effective_from=day or now.date())
        if kind == "return10":
            cases.act(case.pk, "propose-agree", self.officer, now, order)
            return cases.act(case.pk, "agree", self.supervisor, now, order)
        return cases.act(case.pk, "agree", self.officer, now, order)


def opened(code: str = "3501200000", division: int = 1, now: datetime = NOW) -> Office:
    """An institution under contract that met H1 the day before, with its people."""
    institution = people.institution(code, division)
    Contract.objects.create(institution=institution, valid_from=date(2000, 1, 1))
    EditionState.objects.create(institution=code, qualified_at=now - timedelta(days=1))
    return Office(
        institution,
        people.user("clerk", institution=institution),
        people.user("representative", institution=institution),
        people.user("officer", division=division),
        people.user("supervisor", division=division),
    )
