"""The queue: which submissions a worker takes next (``turns``), and what becomes of those that cannot be checked.

A claim lasts for as long as a check may take; a worker that dies loses it when it runs out. Nothing is locked while
a check runs.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from django.db import connection, transaction
from django.db.models import F, Q, QuerySet

from nhicard.insurer.intake.kinds import KINDS
from nhicard.insurer.intake.limits import LARGEST_UPLOAD
from nhicard.insurer.intake.models import State, Submission
from nhicard.insurer.intake.services import bulk, turns

BATCH_BYTES: Final = turns.BATCH_BYTES
BATCH_SUBMISSIONS: Final = turns.BATCH_SUBMISSIONS
TRIES: Final = 3
LEASE: Final = timedelta(seconds=60)
_LEASE_A_MEGABYTE: Final = timedelta(seconds=5)
#: No claim lasts longer; one that seems to was made while a clock was wrong.
_LONGEST: Final = LEASE + _LEASE_A_MEGABYTE * (LARGEST_UPLOAD >> 20)


@transaction.atomic
def claim(now: datetime, lease: timedelta = LEASE) -> list[Submission]:
    """What is due first, with others of its edition, channel of check and day, up to a budget of bytes; none: empty.

    In the order in which they came. One that was tried before comes alone, when nothing else waits, so that it can
    break nothing but its own check; after three tries it is set aside.
    """
    free = Q(claimed_until__isnull=True) | Q(claimed_until__lt=now) | Q(claimed_until__gt=now + max(lease, _LONGEST))
    chosen = _due(turns.untried().filter(free)) or _tried(Submission.objects.filter(free))
    size = sum(submission.size for submission in chosen)
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


def _due(waiting: QuerySet[Submission]) -> list[Submission]:
    """The first by their turns that go together with the very first, as they came."""
    in_turn = waiting.order_by("due_at", "id")
    for first in _locked(in_turn, 1):
        alike = in_turn.filter(kind__in=_checked_alike(first.kind), received_at__date=first.received_at.date())
        chosen, size = [first], first.size
        for submission in _locked(alike.exclude(pk=first.pk), BATCH_SUBMISSIONS - 1):
            size += submission.size
            if size > BATCH_BYTES:
                break
            chosen.append(submission)
        return sorted(chosen, key=lambda each: each.pk)
    return []


def _tried(free: QuerySet[Submission]) -> list[Submission]:
    """The oldest of the least tried; those that were tried often enough are set aside."""
    for submission in _locked(free.filter(state=State.PENDING, tries__gt=0).order_by("tries", "id"), BATCH_SUBMISSIONS):
        if submission.tries < TRIES:
            return [submission]
        set_aside(submission, "worker ended during the check")
    return []


def _locked(rows: QuerySet[Submission], most: int) -> QuerySet[Submission]:
    """The first of these, less those that another worker is taking at this moment."""
    if connection.features.has_select_for_update_skip_locked:
        rows = rows.select_for_update(skip_locked=True)
    return rows[:most]


def _checked_alike(kind: str) -> list[str]:
    """The kinds whose submissions can be checked as one batch with one of this kind."""
    one = KINDS[kind]
    return [code for code, two in KINDS.items() if (one.edition, one.is_precheck) == (two.edition, two.is_precheck)]
