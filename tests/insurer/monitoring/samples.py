"""A record and a qualification for the matrix of rights."""

from __future__ import annotations

from typing import Any

from tests.insurer.intake.clients import a_file, worker
from tests.insurer.portal.samples import place_of, sample

from nhicard.checks.cases.cases import base_record, changed
from nhicard.insurer import clock
from nhicard.insurer.accounts.models import User
from nhicard.insurer.intake.kinds import Channel
from nhicard.insurer.intake.models import Visit
from nhicard.insurer.intake.services.receiving import Upload, receive
from nhicard.insurer.monitoring.models import Qualification
from nhicard.insurer.monitoring.services.evidence import frozen
from nhicard.insurer.monitoring.services.report import report


@sample("monitoring:record")
@sample("monitoring:show")
def record(user: User) -> dict[str, Any]:
    code = place_of(user).code
    visit, _ = changed("1.0", base_record("1.0", "bases", "outpatient"), (f"A14={code}",))
    receive(Upload(code, "", Channel.VPN, "B1", a_file(visit, edition="1.0")), clock.now())
    worker(as_of=clock.now()).once()
    return {"code": code, "number": Visit.objects.get(institution=code).pk}


@sample("monitoring:evidence")
def evidence(user: User) -> dict[str, Any]:
    code, now = place_of(user).code, clock.now()
    made = Qualification.objects.create(institution=code, at=now, decided_by="test", evidence=frozen(report(code, now)))
    return {"code": code, "number": made.pk}
