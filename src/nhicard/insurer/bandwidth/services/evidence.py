"""The bill of a month with its file, sent by the institution until the month is settled."""

from __future__ import annotations

import hashlib
from datetime import date, datetime
from typing import Any, Final

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from nhicard.insurer.accounts.models import User
from nhicard.insurer.applications.services import attachments
from nhicard.insurer.applications.services.refusals import Refused as FileRefused
from nhicard.insurer.audit import chain
from nhicard.insurer.bandwidth import months
from nhicard.insurer.bandwidth.models import Evidence, Line
from nhicard.insurer.bandwidth.services.enrolling import Refused, enrolled
from nhicard.insurer.registry.models import Institution

LARGEST_BILL: Final = 1_000_000
FASTEST: Final = 100_000


@transaction.atomic
def send(
    user: User, fee_month: date, bill: int, mbps: int, name: str, content: bytes, now: datetime
) -> tuple[Evidence, bool]:
    """Keep the bill of the user's institution; the same once more is the same. Returns whether it is new.

    Raises Refused, and the Refused of attachments for the file.
    """
    place = Institution.objects.select_for_update().get(pk=user.institution_id or 0)
    if fee_month > months.first(now.date()):
        raise Refused("month_future")
    if place.pk not in enrolled([place.pk], fee_month, now):
        raise Refused("month_not_enrolled")
    if Line.objects.filter(institution=place, fee_month=fee_month).exists():
        raise Refused("settled")
    if not 0 < bill <= LARGEST_BILL or not 0 < mbps <= FASTEST:
        raise Refused("numbers")
    clean, media_type = attachments.plain_name(name), attachments.media_type_of(content)
    if attachments.ENDINGS[clean.rpartition(".")[2].lower()] != media_type:
        raise FileRefused("file_type")
    sha256 = hashlib.sha256(content).hexdigest()
    before = Evidence.objects.filter(institution=place, fee_month=fee_month).order_by("-number").first()
    if before and (before.bill, before.mbps, before.sha256) == (bill, mbps, sha256):
        return before, False
    made = Evidence(
        institution=place,
        fee_month=fee_month,
        number=before.number + 1 if before else 1,
        bill=bill,
        mbps=mbps,
        name=clean,
        media_type=media_type,
        size=len(content),
        sha256=sha256,
        content=content,
        sent_at=now,
        sent_by=user,
    )
    made.save()
    chain.record(
        at=now,
        actor=user.username,
        role=user.role,
        action="bandwidth.evidence",
        subject=f"line evidence {made.pk}",
        institution=place.code,
        facts={"month": fee_month.isoformat(), "bill": bill, "mbps": mbps, "sha256": sha256},
    )
    return made, True


def latest(institutions: Any, fee_month: date | None = None) -> QuerySet[Any]:
    """The evidence that counts, one a month; of one month if it is given. Without the files."""
    newer = Evidence.objects.filter(
        institution=OuterRef("institution"), fee_month=OuterRef("fee_month"), number__gt=OuterRef("number")
    )
    found = Evidence.objects.filter(~Exists(newer), institution__in=institutions).defer("content")
    return found.filter(fee_month=fee_month) if fee_month else found
