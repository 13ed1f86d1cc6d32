"""The queue: which submissions a worker takes next, and what becomes of those that cannot be checked.

A claim lasts for as long as a check may take; a worker that dies loses it when it runs out. Nothing is locked while
a check runs.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from django.db import connection, transaction
from django.db.models import F, Q

from nhicard.insurer.intake.kinds import KINDS
from nhicard.insurer.intake.limits import LARGEST_UPLOAD
from nhicard.insurer.intake.models import State, Submission
from nhicard.insurer.intake.services import bulk

BATCH_BYTES: Final = 6 * 1024 * 1024
BATCH_SUBMISSIONS: Final = 1000
TRIES: Final = 3
LEASE: Final = timedelta(seconds=60)
_LEASE_A_MEGABYTE: Final = timedelta(seconds=5)
#: No claim lasts longer; one that seems to was made while a clock was wrong.
_LONGEST: Final = LEASE + _LEASE_A_MEGABYTE * (LARGEST_UPLOAD >> 20)


@transaction.atomic
def claim(now: datetime, lease: timedelta = LEASE) -> list[Submission]:
    """The oldest free submissions of one edition, channel of check and day, up to a budget of bytes; none: empty.

    One that was tried before comes alone, so that it can break nothing but its own check; after three tries it is
    set aside.
    """
    rows = Submission.objects.filter(state=State.PENDING).filter(
        Q(claimed_until__isnull=True) | Q(claimed_until__lt=now) | Q(claimed_until__gt=now + max(lease, _LONGEST))
    )
    if connection.features.has_select_for_update_skip_locked:
        rows = rows.select_for_update(skip_locked=True)
    chosen: list[Submission] = []
    size = 0
    for submission in rows.order_by("tries", "id")[:BATCH_SUBMISSIONS]:
        if chosen and not _go_together(chosen[0], submission, size):
            break
        if submission.tries >= TRIES:
            set_aside(submission, "worker ended during the check")
            continue
        chosen.append(submission)
        size += submission.size
    token = secrets.token_hex(16)
    until = now + lease + _LEASE_A_MEGABYTE * (size >> 20)
    for submission in chosen:
        submission.claim, submission.claimed_until, submission.tries = token, until, submission.tries + 1
    bulk.update(chosen, ["claim", "claimed_until", "tries"])
    return chosen


def still_mine(submissions: Sequence[Submission]) -> bool:
    """Within the transaction that writes the results: whether the claim still holds, and hold it until its end."""
    rows = Submission.objects.filter(pk__in=[each.pk for each in submissions], state=State.PENDING)
    if connection.features.has_select_for_update:
        rows = rows.select_for_update()
    return [row.claim for row in rows] == [submissions[0].claim] * len(submissions)


def give_back(submissions: Sequence[Submission]) -> None:
    """Free again what an outage of the database cut off: that was no try, whatever else became of them stays."""
    rows = Submission.objects.filter(
        pk__in=[each.pk for each in submissions], state=State.PENDING, claim=submissions[0].claim
    )
    rows.update(claim="", claimed_until=None, tries=F("tries") - 1)


@transaction.atomic
def release(submissions: Sequence[Submission], trouble: str = "") -> None:
    """Give submissions back, to be tried alone; with a trouble after the last try they are set aside.

    Those that another worker has taken over meanwhile are left to it.
    """
    rows = Submission.objects.filter(
        pk__in=[each.pk for each in submissions], state=State.PENDING, claim=submissions[0].claim
    )
    for submission in rows.select_for_update():
        if submission.tries >= TRIES:
            set_aside(submission, trouble)
        else:
            submission.claim, submission.claimed_until, submission.trouble = "", None, trouble
            submission.save(update_fields=["claim", "claimed_until", "trouble"])


def set_aside(submission: Submission, trouble: str) -> None:
    """Take a submission out of the queue with the reason; the rest goes on."""
    submission.state, submission.trouble, submission.claim = State.SET_ASIDE, trouble[:200], ""
    submission.save(update_fields=["state", "trouble", "claim"])


def _go_together(first: Submission, other: Submission, size: int) -> bool:
    """Whether another submission may join the batch: untried, of one kind and day, and not too much together."""
    one, two = KINDS[first.kind], KINDS[other.kind]
    return (
        first.tries == other.tries == 0
        and (one.edition, one.is_precheck) == (two.edition, two.is_precheck)
        and first.received_at.date() == other.received_at.date()
        and size + other.size <= BATCH_BYTES
    )
