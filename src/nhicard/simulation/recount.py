"""Whether anything was lost: what the senders hold receipts for, counted anew from the raw payloads."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from typing import Final

from django.db.models import Count

from nhicard.insurer.intake.models import State, Submission, Visit
from nhicard.insurer.intake.services import receiving
from nhicard.simulation.sending import Sent

_REC: Final = re.compile(rb"<REC>")
_AT_ONCE: Final = 500


def losses(uploads: Sequence[Sent]) -> dict[str, int]:
    """How many of what must not be, by name; all zero where nothing was lost or doubled.

    The reader of the services has no part in it: bytes are compared by hash, records counted by their opening tags.
    """
    count = dict.fromkeys(
        ("uploads without receipt", "receipts that changed", "payloads missing or changed", "without result"), 0
    )
    count |= dict.fromkeys(("records not on file", "records counted wrongly", "submissions nobody sent"), 0)
    count["uploads without receipt"] = sum(not each.receipt for each in uploads)
    count["receipts that changed"] = sum(len(each.others) > 1 for each in uploads)
    acknowledged = [each for each in uploads if each.receipt]
    for first in range(0, len(acknowledged), _AT_ONCE):
        part = acknowledged[first : first + _AT_ONCE]
        rows = {row.receipt: row for row in Submission.objects.filter(receipt__in=[each.receipt for each in part])}
        keys = [row.pk for row in rows.values()]
        raw = receiving.contents_of(list(rows.values()))
        on_file = dict(
            Visit.objects.filter(submission__in=keys).order_by().values_list("submission_id").annotate(n=Count("id"))
        )
        for each in part:
            row = rows.get(each.receipt)
            content = raw.get(row.pk, b"") if row else b""
            if row is None or hashlib.sha256(content).digest() != each.digest:
                count["payloads missing or changed"] += 1
                continue
            records = len(_REC.findall(content))
            count["without result"] += row.state != State.CHECKED
            count["records not on file"] += abs(records - on_file.get(row.pk, 0))
            count["records counted wrongly"] += records != each.records or records != row.records
    count["submissions nobody sent"] = Submission.objects.count() - len({each.receipt for each in acknowledged})
    return count
