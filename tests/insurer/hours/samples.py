"""A holiday for the matrix of rights."""

from __future__ import annotations

from typing import Any

from tests.insurer.hours import offices
from tests.insurer.portal.samples import sample

from nhicard.insurer.accounts.models import User


@sample("hours:withdraw")
def holiday(user: User) -> dict[str, Any]:
    return {"number": offices.holiday().pk}
