"""Objects behind the addresses of the accounts app."""

from __future__ import annotations

from typing import Any

from tests.insurer.portal.samples import sample

from nhicard.insurer import clock
from nhicard.insurer.accounts.models import User


@sample("accounts:end-session", personal=True)
def session(user: User) -> dict[str, Any]:
    """A session that the user has elsewhere."""
    return {"number": user.sign_ins.create(means="password", began_at=clock.now()).pk}
