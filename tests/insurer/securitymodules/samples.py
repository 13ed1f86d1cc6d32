"""Applications and a SAM of every place, for the matrix of rights."""

from __future__ import annotations

from datetime import date
from typing import Any

from tests.insurer.portal.samples import place_of, sample

from nhicard.insurer import clock
from nhicard.insurer.accounts.models import User
from nhicard.insurer.datacentre.models import CloudSamApplication
from nhicard.insurer.registry.models import SecurityModule


@sample("securitymodules:download")
@sample("securitymodules:decide")
def application(user: User) -> dict[str, Any]:
    made = CloudSamApplication.objects.create(institution=place_of(user), applied_at=clock.now())
    return {"number": made.pk}


@sample("securitymodules:revoke")
def sam(user: User) -> dict[str, Any]:
    number = f"S{SecurityModule.objects.count():011d}"
    made = SecurityModule.objects.create(
        number=number, certificate="", institution=place_of(user), issued_on=date(2026, 1, 1)
    )
    return {"number": made.pk}
