"""An application, a bill and a settlement of every place, for the matrix of rights."""

from __future__ import annotations

from typing import Any

from tests.insurer.applications.files import PDF
from tests.insurer.bandwidth.line_world import CONTACT
from tests.insurer.portal import people
from tests.insurer.portal.samples import place_of, sample

from nhicard.insurer import clock
from nhicard.insurer.accounts.models import User
from nhicard.insurer.bandwidth import months
from nhicard.insurer.bandwidth.models import Enrolment, Evidence, Settlement
from nhicard.insurer.bandwidth.services import enrolling, evidence
from nhicard.insurer.registry.models import Contract


def waiting(user: User) -> tuple[Enrolment, User]:
    """An application that the user may see, and who applied."""
    institution, now = place_of(user), clock.now()
    Contract.objects.create(institution=institution, valid_from=now.date())
    representative = people.user("representative", institution=institution)
    return enrolling.apply(representative, "standard", months.first(now.date()), CONTACT, now), representative


@sample("bandwidth:enrolment")
def enrolment(user: User) -> dict[str, Any]:
    return {"number": waiting(user)[0].pk}


@sample("bandwidth:decide")
def decide(user: User) -> dict[str, Any]:
    return enrolment(user)


@sample("bandwidth:bill")
def bill(user: User) -> dict[str, Any]:
    made, representative = waiting(user)
    officer, now = people.user("officer", division=made.institution.division), clock.now()
    enrolling.decide(made, is_agreed=True, effective_from=None, reason="", user=officer, now=now)
    found, _ = evidence.send(representative, made.wanted_from, 1200, 100, "帳單.pdf", PDF, now)
    assert isinstance(found, Evidence)
    return {"number": found.pk}


@sample("bandwidth:settlement")
def settlement(user: User) -> dict[str, Any]:
    now = clock.now()
    division = user.division or 1
    number = Settlement.objects.filter(division=division).count() + 1
    made = Settlement(
        division=division,
        fee_month=months.first(now.date()),
        number=number,
        season=37,
        paid_on=now.date(),
        made_at=now,
        made_by="test",
    )
    made.save()
    return {"number": made.pk}
