"""A finding of every place, for the matrix of rights."""

from __future__ import annotations

from datetime import date
from typing import Any

from tests.insurer.portal.samples import place_of, sample

from nhicard.insurer import clock
from nhicard.insurer.accounts.models import User
from nhicard.insurer.detectors.models import Finding, State


def made(user: User, state: State) -> Finding:
    """A finding that the user may see."""
    return Finding.objects.create(
        detector="after_death",
        subject=f"sample {Finding.objects.count()}",
        institution=place_of(user).code,
        day=date(2026, 3, 3),
        measured=1,
        bound=0,
        severity="high",
        found_at=clock.now(),
        sent_at=clock.now(),
        state=state,
    )


@sample("detectors:finding")
def finding(user: User) -> dict[str, Any]:
    return {"number": made(user, State.SENT).pk}


@sample("detectors:evidence")
def evidence(user: User) -> dict[str, Any]:
    return finding(user)


@sample("detectors:publish")
def publish(user: User) -> dict[str, Any]:
    return {"number": made(user, State.UPHELD).pk}


@sample("detectors:act")
def act(user: User) -> dict[str, Any]:
    return finding(user) | {"action": "answer" if user.is_of_institution else "return"}
