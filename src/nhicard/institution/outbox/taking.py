"""Taking visits into the outbox: once, however often they are handed over, and mended where they changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import polars as pl

from nhicard.formats import rocdate
from nhicard.institution.outbox.content import as_texts
from nhicard.institution.outbox.store import Outbox, told
from nhicard.institution.visits import Visits

#: What identifies a visit while the rest of it is mended; in this order.
KEY: Final = ("data_type", "patient_id", "institution", "visit_time")
_VISIT_TIME: Final = pl.coalesce("actual_visit_time", "visit_time")
_FIRST_DAY: Final = datetime(1912, 1, 1)


@dataclass(frozen=True, slots=True)
class Taken:
    """How many visits were new, changed, or known as they are."""

    new: int
    changed: int
    unchanged: int


def take(outbox: Outbox, visits: Visits, now: datetime, department: pl.Series | None = None) -> Taken:
    """Keep the visits; on disk when this returns. One that comes again with other content is a revision.

    ``department``: of each visit, for the ranking of errors. A visit without a readable time counts from now.
    """
    at = rocdate.as_datetime(_VISIT_TIME).fill_null(now)
    rows = visits.visits.select(
        key=pl.concat_str([pl.col(name).fill_null("") for name in KEY], separator=" "),
        visit_at=pl.when(at < _FIRST_DAY).then(now).otherwise(at).dt.to_string("%Y-%m-%d %H:%M:%S"),
        category=pl.col("visit_category").fill_null(""),
        department=pl.lit("") if department is None else department.fill_null(""),
        staff=pl.col("staff_id").fill_null(""),
    ).with_columns(content=as_texts(visits))
    rows = rows.unique("key", keep="last", maintain_order=True)
    with outbox.writing() as cursor:
        cursor.execute(
            "CREATE TEMPORARY TABLE IF NOT EXISTS handed_over (key, visit_at, category, department, staff, content)"
        )
        cursor.execute("DELETE FROM handed_over")
        cursor.executemany("INSERT INTO handed_over VALUES (?, ?, ?, ?, ?, ?)", rows.rows())
        cursor.execute(_REMEMBER_TOLD)
        changed = cursor.execute(_CHANGE, [told(now)]).rowcount
        if changed:
            cursor.execute(_REOPEN)
        new = cursor.execute(_INSERT, [told(now), told(now)]).rowcount
    return Taken(new, changed, rows.height - new - changed)


def withdraw(outbox: Outbox, keys: Sequence[str], now: datetime) -> int:
    """Take visits back that never were: what is not sent is not sent any more, what 2.0 holds is deleted there.

    Returns how many were known. Edition 1.0 knows no deletion: what it holds stays.
    """
    with outbox.writing() as cursor:
        known = 0
        for key in keys:
            known += cursor.execute(
                "UPDATE visit SET withdrawn_at = ? WHERE key = ? AND withdrawn_at IS NULL", [told(now), key]
            ).rowcount
        cursor.execute(_DELETE_STORED)
        cursor.execute(_DROP_UNSENT)
    return known


# To delete what 2.0 holds one must say it as it was sent.
_REMEMBER_TOLD: Final = """
UPDATE track SET told = v.content
FROM visit v JOIN handed_over h ON h.key = v.key
WHERE v.id = track.visit AND h.content <> v.content AND track.told IS NULL AND (track.stored OR track.state = 'sent')
"""
_CHANGE: Final = """
UPDATE visit SET content = h.content, visit_at = h.visit_at, category = h.category, department = h.department,
    staff = h.staff, revision = revision + 1, changed_at = ?, withdrawn_at = NULL
FROM handed_over AS h
WHERE h.key = visit.key AND (h.content <> visit.content OR visit.withdrawn_at IS NOT NULL)
"""
# What 1.0 has accepted stays as it is: a correction may mend rejected records only (C002). What is on its way, be it a
# deletion, is waited for: a record that overtakes the deletion of what it was would go with it.
_REOPEN: Final = """
UPDATE track SET state = 'waiting'
WHERE state NOT IN ('sent', 'deleting', 'waiting') AND NOT (kind = 'B1' AND state = 'accepted')
  AND revision < (SELECT revision FROM visit WHERE id = track.visit)
"""
_INSERT: Final = """
INSERT INTO visit (key, visit_at, category, department, staff, content, revision, taken_at, changed_at)
SELECT key, visit_at, category, department, staff, content, 1, ?, ? FROM handed_over WHERE true
ON CONFLICT (key) DO NOTHING
"""
# A change that was rejected, or held back, leaves in force what was accepted before it.
_DELETE_STORED: Final = """
UPDATE track SET state = 'waiting'
WHERE kind <> 'B1' AND state IN ('accepted', 'rejected', 'held', 'left out') AND stored
  AND visit IN (SELECT id FROM visit WHERE withdrawn_at IS NOT NULL)
"""
_DROP_UNSENT: Final = """
DELETE FROM track WHERE state IN ('waiting', 'held', 'rejected', 'left out') AND NOT stored
  AND visit IN (SELECT id FROM visit WHERE withdrawn_at IS NOT NULL)
"""
