"""An image of a prescription for the matrix of rights."""

from __future__ import annotations

from typing import Any

from tests.insurer.portal import people
from tests.insurer.portal.samples import place_of, sample

from nhicard.insurer import clock
from nhicard.insurer.accounts.models import User
from nhicard.insurer.prescriptions.models import Judgement, Outcome, QrImage


@sample("prescriptions:detail")
@sample("prescriptions:decide")
def image(user: User) -> dict[str, Any]:
    institution, now = place_of(user), clock.now()
    made = QrImage(
        institution=institution,
        digest=f"{QrImage.objects.count():064x}",
        kind="png",
        size=1,
        recorded_at=now,
        recorded_by=people.user("clerk", institution=institution),
    )
    made.save()
    Judgement(image=made, number=1, outcome=Outcome.DOUBTFUL, as_of=now).save()
    return {"number": made.pk}
