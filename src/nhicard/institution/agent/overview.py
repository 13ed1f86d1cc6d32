"""What the outbox tells: the comparison of both editions as the insurer will show it, states, and the worst errors."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Final

import polars as pl

from nhicard.institution.outbox.kinds import KINDS, PRECHECK20, REAL10
from nhicard.institution.outbox.store import Outbox, told
from nhicard.institution.results import rank

DAYS: Final = 7
STATES: Final = ("waiting", "held", "sent", "accepted", "rejected", "left out", "deleting", "deleted")

# (A) 1.0 accepted; (B) those of them whose 2.0 pre-check is accepted, each by the insurer's own answer.
# Visits only, as the insurer counts: the key begins with the data type, and vaccinations (2) have no visit category.
# CROSS JOIN: SQLite is to start from the few days of visits, not from every accepted track.
_COMPARED: Final = """
SELECT date(v.visit_at), v.category, count(*), coalesce(sum(b.state = 'accepted'), 0)
FROM visit v
CROSS JOIN track a ON a.visit = v.id AND a.kind = :real AND a.state = 'accepted'
LEFT JOIN track b ON b.visit = v.id AND b.kind = :precheck
WHERE v.visit_at >= :since AND v.visit_at < :until AND v.key LIKE '1 %'
GROUP BY 1, 2 ORDER BY 1, 2
"""
_STATES: Final = "SELECT kind, state, count(*) FROM track GROUP BY 1, 2"
_UNTRACKED: Final = """
SELECT count(*) FROM visit v
WHERE v.withdrawn_at IS NULL AND NOT EXISTS (SELECT 1 FROM track t WHERE t.visit = v.id)
"""
_FINDINGS: Final = """
SELECT f.visit, f.kind, f.by_insurer, f."order", f.field, f.code, f.severity, f.value, v.visit_at, v.department, v.staff
FROM finding f JOIN visit v ON v.id = f.visit WHERE v.withdrawn_at IS NULL AND (:since IS NULL OR v.visit_at >= :since)
"""


def comparison(outbox: Outbox, now: datetime, days: int = DAYS) -> pl.DataFrame:
    """For visit days from ``days`` before today to yesterday: ``visit_date``, ``category``, ``a`` (1.0 accepted) and
    ``b`` (those whose pre-check is accepted too). The ratio is of two whole numbers, ``a`` and ``b``."""
    today = datetime.combine(now.date(), datetime.min.time())
    asked = {
        "real": REAL10.code,
        "precheck": PRECHECK20.code,
        "since": told(today - timedelta(days=days)),
        "until": told(today),
    }
    schema = {"visit_date": pl.String, "category": pl.String, "a": pl.Int64, "b": pl.Int64}
    return outbox.frame(_COMPARED, asked, schema).with_columns(pl.col("visit_date").str.to_date("%Y-%m-%d"))


def last_days(now: datetime, days: int = DAYS) -> Sequence[date]:
    """The days of the comparison, the earliest first."""
    return [now.date() - timedelta(days=back) for back in range(days, 0, -1)]


def states(outbox: Outbox) -> dict[str, dict[str, int]]:
    """How many visits are in which state, by kind of upload; those never looked at under an empty kind."""
    counted: dict[str, dict[str, int]] = {code: dict.fromkeys(STATES, 0) for code in KINDS}
    for kind, state, count in outbox.rows(_STATES):
        counted[kind][state] = count
    counted[""] = {"waiting": int(outbox.rows(_UNTRACKED)[0][0])}
    return counted


def findings(outbox: Outbox, since: datetime | None = None) -> pl.DataFrame:
    """The latest findings of every visit since the moment, with ``edition``, ``by_insurer``, ``department`` and
    ``staff`` of the visit; ``record`` is the visit's number in the outbox."""
    schema = {
        "record": pl.UInt32,
        "kind": pl.String,
        "by_insurer": pl.Int64,
        "order": pl.UInt32,
        "field": pl.String,
        "code": pl.String,
        "severity": pl.String,
        "value": pl.String,
        "visit_at": pl.String,
        "department": pl.String,
        "staff": pl.String,
    }
    asked = {"since": told(since) if since else None}
    found = outbox.frame(_FINDINGS, asked, schema)
    return found.with_columns(
        pl.col("visit_at").str.to_datetime("%Y-%m-%d %H:%M:%S"),
        edition=pl.col("kind").replace_strict({code: kind.edition for code, kind in KINDS.items()}, default=None),
    )


def ranking(outbox: Outbox, since: datetime | None = None, within: Sequence[str] = ()) -> pl.DataFrame:
    """The errors that reject most, by code and field (``results.rank``); ``within``: department, staff."""
    found = findings(outbox, since).filter(pl.col("severity") == "reject")
    return rank(found, by="both", within=within)
