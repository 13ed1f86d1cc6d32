"""Whose turn it is in the queue, and when there is too much in it.

Every upload gets a moment at which its turn comes (``due_at``): at once, or, while its sender has more waiting, as much
later as the upload before it takes at the pace that one sender may count on (Zhang's virtual clock). Workers take
what is due first. So a backlog waits behind itself, whoever sends little is not kept waiting by it, and nobody is
overtaken for ever: what is due now goes before whatever comes later.
"""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from typing import Final

from django.db.models import QuerySet

from nhicard.insurer.intake.models import State, Submission

#: What a worker takes at once at most (``claiming``).
BATCH_BYTES: Final = 6 * 1024 * 1024
BATCH_SUBMISSIONS: Final = 1000
#: What one more upload costs beside its bytes: as many of them as a batch may have are as dear as its bytes.
_AN_UPLOAD: Final = BATCH_BYTES // BATCH_SUBMISSIONS
#: Bytes a second of one sender. The largest hospitals come to some 200 on the average of a day, and to a single visit
#: every three seconds at its peak; that one costs about a second here.
PACE: Final = 8 * 1024
#: A pre-check is worth something for as long as somebody waits for it. Agents come again after a quarter of an hour at
#: the latest: where the queue is later than that, more pre-checks would only keep the real uploads waiting.
MOST_LATE: Final = timedelta(minutes=int(os.environ.get("NHICARD_QUEUE_LATE_MINUTES", "15")))
#: Of one sender: about 350 MB or 45,000 single visits that wait. Twelve hours leave as many to the real uploads' 24.
MOST_AHEAD: Final = timedelta(hours=int(os.environ.get("NHICARD_QUEUE_AHEAD_HOURS", "12")))


def untried() -> QuerySet[Submission]:
    """What waits and no worker has begun with."""
    return Submission.objects.filter(state=State.PENDING, tries=0)


def turn_of(institution: str, now: datetime) -> datetime:
    """When an upload's turn comes that arrives now."""
    waiting = untried().filter(institution=institution).order_by("-due_at", "-id").values_list("due_at", "size")
    last = waiting.first()
    return max(now, last[0] + takes(last[1])) if last else now


def takes(size: int) -> timedelta:
    """How long an upload of so many bytes takes at the pace of one sender."""
    return timedelta(seconds=(size + _AN_UPLOAD) / PACE)


def is_late(now: datetime) -> bool:
    """Whether the workers are behind with what is due: not one sender has too much waiting, but all together."""
    first = untried().order_by("due_at", "id").values_list("due_at", flat=True).first()
    return first is not None and now - first > MOST_LATE


def is_far_ahead(turn: datetime, now: datetime) -> bool:
    """Whether this one sender has too much waiting."""
    return turn - now > MOST_AHEAD
