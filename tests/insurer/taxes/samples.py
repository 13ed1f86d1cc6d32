"""A document of the user's own, for the matrix of rights."""

from __future__ import annotations

from typing import Any

from tests.insurer.portal.samples import place_of, sample
from tests.insurer.taxes.tax_world import clinic, produced

from nhicard.insurer.accounts.models import User


@sample("taxes:download", personal=True)
def download(user: User) -> dict[str, Any]:
    place = place_of(user)
    clinic(place.code, division=place.division or 1)
    documents = produced(place)
    user.national_id = documents[0].owner_id_no
    user.save(update_fields=["national_id"])
    return {"number": documents[0].pk, "form": "pdf"}
