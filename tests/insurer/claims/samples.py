"""A claim file and its month for the matrix of rights."""

from __future__ import annotations

from typing import Any

import polars as pl
from tests.insurer.claims import offices
from tests.insurer.portal import people
from tests.insurer.portal.samples import place_of, sample

from nhicard.checks.claims.findings import SCHEMA
from nhicard.insurer import clock
from nhicard.insurer.accounts.models import User
from nhicard.insurer.claims.models import ClaimFile
from nhicard.insurer.claims.services import checking, queue, receiving


def _file(user: User) -> ClaimFile:
    """A checked one; the matrix has no insurer's keys, so what the check found is told here."""
    place, now = place_of(user), clock.now()
    clerk = people.user("clerk", institution=place)
    receiving.receive(place, "TOTFA.xml", offices.claim_of(place), clerk, now)
    file = queue.take(now)
    assert file
    found = checking.Checked(1, 0, 1, 0, 0, 0, pl.DataFrame(schema=dict(SCHEMA)), {"B": [1, 1]}, [])
    assert checking.settle(file, found, now)
    return file


@sample("claims:detail")
@sample("claims:open")
@sample("claims:result")
def file(user: User) -> dict[str, Any]:
    return {"number": _file(user).pk}


@sample("claims:month")
def month(user: User) -> dict[str, Any]:
    return {"number": _file(user).month_id}
