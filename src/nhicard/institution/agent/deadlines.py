"""The 24-hour rule: which visits are not yet accepted in the edition that counts, and how long is left."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

import polars as pl

from nhicard.institution.outbox.kinds import kinds_on
from nhicard.institution.outbox.store import Outbox, told

LIMIT: Final = timedelta(hours=24)
WARNS_AFTER: Final = timedelta(hours=18)
ALARMS_AFTER: Final = timedelta(hours=23)


class Urgency(StrEnum):
    """How near the limit is."""

    WARNING = "warning"
    ALARM = "alarm"
    OVERDUE = "overdue"


_SCHEMA: Final = {
    "visit": pl.Int64,
    "visit_at": pl.String,
    "department": pl.String,
    "state": pl.String,
    "kind": pl.String,
}
# What edition 1.0 cannot tell at all owes it nothing.
_OPEN: Final = """
SELECT v.id, v.visit_at, v.department, coalesce(t.state, 'waiting'), :kind
FROM visit v LEFT JOIN track t ON t.visit = v.id AND t.kind = :kind
WHERE v.withdrawn_at IS NULL AND v.visit_at <= :before AND v.visit_at > :oldest
  AND coalesce(t.state, 'waiting') NOT IN ('accepted', 'left out', 'deleted')
  AND NOT EXISTS (SELECT 1 FROM track o WHERE o.visit = v.id AND o.kind = 'B1' AND o.state = 'accepted')
ORDER BY v.visit_at
"""
#: Visits so old that no upload mends them any more.
_WINDOW: Final = timedelta(days=120)


def open_visits(outbox: Outbox, now: datetime) -> pl.DataFrame:
    """Visits that must be seen to: ``visit``, ``visit_at``, ``department``, ``state``, ``kind`` (the upload that
    counts), ``left`` (Duration, negative once over) and ``urgency``; the oldest first."""
    (must,) = (kind for kind in kinds_on(now, outbox.switched_at) if kind.must)
    asked = {"kind": must.code, "before": told(now - WARNS_AFTER), "oldest": told(now - _WINDOW)}
    found = outbox.frame(_OPEN, asked, _SCHEMA)
    left = LIMIT - (pl.lit(now) - pl.col("visit_at").str.to_datetime("%Y-%m-%d %H:%M:%S"))
    return found.with_columns(left=left).with_columns(
        urgency=pl.when(pl.col("left") < timedelta(0))
        .then(pl.lit(Urgency.OVERDUE.value))
        .when(pl.col("left") <= LIMIT - ALARMS_AFTER)
        .then(pl.lit(Urgency.ALARM.value))
        .otherwise(pl.lit(Urgency.WARNING.value))
    )
