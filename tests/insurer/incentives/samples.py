"""A settlement for the matrix of rights."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from tests.insurer.portal.samples import place_of, sample

from nhicard.insurer import clock
from nhicard.insurer.accounts.models import User
from nhicard.insurer.incentives.services import computing, settling


@sample("incentives:settlement")
@sample("incentives:settlement_csv")
def settlement(user: User) -> dict[str, Any]:
    now = clock.now()
    yesterday = now.date() - timedelta(days=1)
    made = settling.settle(yesterday, place_of(user).division or 1, now, computing.scheme_of(yesterday))
    return {"number": made.pk}
