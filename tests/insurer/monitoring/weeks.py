"""A week of a clinic with every fate that a record can have, small enough to know each by name."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final

from tests.insurer.faults.uploads import patient
from tests.insurer.monitoring import worlds
from tests.insurer.monitoring.worlds import VPN, Visit
from tests.insurer.portal import people

from nhicard.insurer.accounts.models import User
from nhicard.insurer.intake.models import Visit as Stored
from nhicard.insurer.registry.models import Institution

NATIONAL_ID: Final = "A123456789"
NEIGHBOUR: Final = "3501200019"
#: More than a page of the list.
MATCHED: Final = [Visit(number, date(2023, 10, 16 + number % 7), f"0{1 + number % 4}") for number in range(70)]
BY_VPN: Final = Visit(100, date(2023, 10, 17))
FAULTY: Final = Visit(101, date(2023, 10, 18))
UNSENT: Final = Visit(102, date(2023, 10, 18), "04")
LATE: Final = Visit(103, date(2023, 10, 19))  # the card came on the 19th, the visit was on the 17th
ELSEWHERE: Final = Visit(104, date(2023, 10, 18), institution=NEIGHBOUR)


@dataclass(frozen=True)
class Week:
    """The clinic with its users; the neighbour belongs to another division."""

    clinic: Institution
    clerk: User
    without_id: User
    officer: User
    other_officer: User
    headquarters: User
    auditor: User
    neighbour: User

    def number(self, visit: Visit) -> int:
        """Of the visit's 1.0 record."""
        found = Stored.objects.get(patient_id=patient(visit.number), edition="1.0", institution=visit.institution)
        return int(found.pk)


def uploaded_week() -> Week:
    """Uploaded and checked."""
    ours = people.institution(worlds.CLINIC, division=1)
    theirs = people.institution(NEIGHBOUR, division=6)
    real = [each.record10() for each in (*MATCHED, BY_VPN, FAULTY, UNSENT)]
    worlds.deliver("B1", [*real, LATE.record10("A19=2", "A54=1121017")], by=VPN)
    worlds.deliver("B1", [ELSEWHERE.record10()], by=VPN, institution=NEIGHBOUR)
    worlds.work()
    worlds.deliver("A2", [*(each.record20() for each in MATCHED), FAULTY.faulty20(), LATE.record20()])
    worlds.deliver("A2", [BY_VPN.record20()], by=VPN)
    worlds.work()
    return Week(
        clinic=ours,
        clerk=people.user("clerk", institution=ours, national_id=NATIONAL_ID),
        without_id=people.user("clerk", institution=ours),
        officer=people.user("officer", division=1, national_id=NATIONAL_ID),
        other_officer=people.user("supervisor", division=6),
        headquarters=people.user("headquarters"),
        auditor=people.user("auditor"),
        neighbour=people.user("representative", institution=theirs),
    )
