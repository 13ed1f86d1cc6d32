"""Institutions on their way to 2.0 through the real services, and settlements of their division."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from tests.insurer.applications import office
from tests.insurer.applications.office import Office

from nhicard.insurer.applications.services import switching
from nhicard.insurer.incentives import scheme as schemes
from nhicard.insurer.incentives.models import Settlement
from nhicard.insurer.incentives.services import settling
from nhicard.insurer.monitoring.models import Qualification

SCHEME = schemes.load()[112]
#: Wednesday to Saturday, nine o'clock.
QUALIFIED, APPLIED, APPROVED, SWITCHED = (datetime(2023, 10, day, 9) for day in (25, 26, 27, 28))
RETURNED = datetime(2024, 2, 29, 9)


def qualified(code: str = "3501200000", division: int = 1, **facts: Any) -> Office:
    """An institution that met H1, which is on record."""
    made = office.opened(code, division, APPLIED)
    Qualification.objects.create(institution=code, at=QUALIFIED, decided_by="test", evidence={})
    for name, value in facts.items():
        setattr(made.institution, name, value)
    made.institution.save()
    return made


def switched(code: str = "3501200000", division: int = 1, **facts: Any) -> Office:
    """One that applied, was approved and switched, a day each."""
    made = qualified(code, division, **facts)
    case = made.submitted("ic20", APPLIED)
    agreed(made, case.pk)
    assert switching.first_real_upload([code], SWITCHED) == [code]
    return made


def agreed(made: Office, pk: int) -> None:
    """The officer agrees to the case, from that day on."""
    from nhicard.insurer.applications.services import cases
    from nhicard.insurer.applications.services.guards import Order

    cases.act(pk, "agree", made.officer, APPROVED, Order(effective_from=APPROVED.date()))


def returned(made: Office, at: datetime = RETURNED) -> None:
    """The institution goes back to 1.0."""
    made.agreed("return10", at)


def settled(as_of: str, division: int = 1) -> Settlement:
    """The division's settlement, made the morning after."""
    day = date.fromisoformat(as_of)
    morning = datetime.combine(day + timedelta(days=1), datetime.min.time()) + timedelta(hours=6)
    return settling.settle(day, division, morning, SCHEME)


def lines(made: Settlement) -> list[tuple[str, str, int, int, int]]:
    """Institution, item, entitled, before, difference."""
    return list(
        made.lines.order_by("institution", "item").values_list(
            "institution", "item", "entitled", "before", "difference"
        )
    )
