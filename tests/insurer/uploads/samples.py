"""An upload for the matrix of rights."""

from __future__ import annotations

from typing import Any

from tests.insurer.intake.clients import VISIT20, a_file, worker
from tests.insurer.portal.samples import place_of, sample

from nhicard.insurer import clock
from nhicard.insurer.accounts.models import User
from nhicard.insurer.intake.kinds import Channel
from nhicard.insurer.intake.services.receiving import Upload, receive


@sample("uploads:detail")
@sample("uploads:result")
@sample("uploads:errors")
def upload(user: User) -> dict[str, Any]:
    code = place_of(user).code
    content = a_file(VISIT20 | {"M05": code})
    number = receive(Upload(code, "", Channel.VPN, "A2", content), clock.now()).pk
    worker(as_of=clock.now()).once()
    return {"number": number}
