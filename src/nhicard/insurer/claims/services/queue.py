"""The queue of claim files: one is taken at a time, with a claim that runs out where its worker dies."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from typing import Final

from django.db import connection, transaction
from django.db.models import F, Q

from nhicard.insurer.claims.models import WAITING, ClaimFile, ClaimMonth, State
from nhicard.insurer.claims.services import months
from nhicard.insurer.intake.limits import LARGEST_UPLOAD

TRIES: Final = 3
LEASE: Final = timedelta(seconds=60)
_LEASE_A_MEGABYTE: Final = timedelta(seconds=5)
#: No claim lasts longer; one that seems to was made while a clock was wrong.
_LONGEST: Final = LEASE + _LEASE_A_MEGABYTE * (LARGEST_UPLOAD >> 20)
_ENDED: Final = "worker ended during the check"


def take(now: datetime, lease: timedelta = LEASE) -> ClaimFile | None:
    """The next free file, now being checked by the caller; None: nothing to do. After three tries one is set aside."""
    free = ClaimFile.objects.filter(state__in=WAITING).filter(
        Q(claimed_until__isnull=True) | Q(claimed_until__lt=now) | Q(claimed_until__gt=now + max(lease, _LONGEST))
    )
    if not free.exists():
        return None  # most turns end here, without a transaction
    with transaction.atomic():
        rows = free.order_by("tries", "id")
        if connection.features.has_select_for_update_skip_locked:
            rows = rows.select_for_update(skip_locked=True)
        file = rows.first()
        if file is None:
            return None
        if file.tries >= TRIES:
            _set_aside(file, _ENDED, now)
            return None
        file.claim, file.tries, file.state = secrets.token_hex(16), file.tries + 1, State.CHECKING
        file.claimed_until = now + lease + _LEASE_A_MEGABYTE * (file.size >> 20)
        file.save(update_fields=["claim", "tries", "state", "claimed_until"])
        months.add_step(_month(file), file, State.CHECKING, now, evidence={"try": file.tries})
    return file


def still_mine(file: ClaimFile) -> ClaimFile | None:
    """Within the transaction that writes the result: the file, held until its end, unless somebody took it over."""
    rows = ClaimFile.objects.filter(pk=file.pk, state=State.CHECKING, claim=file.claim)
    return rows.select_for_update().first()


def give_back(file: ClaimFile) -> None:
    """Free again what an outage of the database cut off: that was no try."""
    rows = ClaimFile.objects.filter(pk=file.pk, state=State.CHECKING, claim=file.claim)
    rows.update(claim="", claimed_until=None, tries=F("tries") - 1)


@transaction.atomic
def release(file: ClaimFile, trouble: str, now: datetime) -> None:
    """Give a file back to be tried anew; after the last try it is set aside with the trouble."""
    mine = still_mine(file)
    if mine is None:
        return
    if mine.tries >= TRIES:
        _set_aside(mine, trouble, now)
        return
    mine.claim, mine.claimed_until, mine.trouble = "", None, trouble[:200]
    mine.save(update_fields=["claim", "claimed_until", "trouble"])


def _set_aside(file: ClaimFile, trouble: str, now: datetime) -> None:
    file.state, file.trouble, file.claim = State.SET_ASIDE, trouble[:200], ""
    file.save(update_fields=["state", "trouble", "claim"])
    months.add_step(_month(file), file, State.SET_ASIDE, now, evidence={"trouble": file.trouble})


def _month(file: ClaimFile) -> ClaimMonth:
    """The file's month, locked."""
    return ClaimMonth.objects.select_for_update().get(pk=file.month_id)
