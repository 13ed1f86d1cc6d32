"""A program of the user's institution for the matrix of rights."""

from __future__ import annotations

from typing import Any

from tests.insurer.portal import people
from tests.insurer.portal.samples import place_of, sample

from nhicard.insurer import clock
from nhicard.insurer.accounts.models import User
from nhicard.insurer.eprescriptions.services import clients


@sample("eprescriptions:client_revoke")
def client(user: User) -> dict[str, Any]:
    owner = people.user("representative", institution=place_of(user))
    return {"number": clients.make(owner, "測試程式", "", clock.now()).client.pk}
