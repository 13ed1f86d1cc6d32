"""Lists of visits: where each stands in both editions, how long is left, how many problems it has."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from nhicard.institution.agent.deadlines import LIMIT, open_visits
from nhicard.institution.console.display import masked_ids
from nhicard.institution.outbox import Outbox, kinds_on
from nhicard.institution.outbox.kinds import PRECHECK20, REAL10, REAL20
from nhicard.institution.outbox.store import told

PAGE: Final = 100
GROUPS: Final = ("attention", "moving", "done")
_ATTENTION: Final = frozenset({"held", "rejected"})
_MOVING: Final = frozenset({"waiting", "queued", "sent", "deleting"})
# A file that is ready has not left yet, whatever its records count as.
_STATE: Final = "CASE WHEN {0}.state = 'sent' AND u{0}.state = 'ready' THEN 'queued' ELSE {0}.state END"
_ROWS: Final = f"""
SELECT v.id, v.visit_at, v.category, v.department, v.withdrawn_at, {_STATE.format("a")}, {_STATE.format("b")},
    (SELECT count(*) FROM finding f WHERE f.visit = v.id AND f.severity <> 'warn')
FROM visit v
LEFT JOIN track a ON a.visit = v.id AND a.kind = '{REAL10.code}' LEFT JOIN upload ua ON ua.id = a.upload
LEFT JOIN track b ON b.visit = v.id AND b.kind = :kind20 LEFT JOIN upload ub ON ub.id = b.upload
WHERE {{where}} ORDER BY v.visit_at DESC, v.id DESC
"""  # noqa: S608 - no value of a user is in it


@dataclass(frozen=True, slots=True)
class Row:
    """One visit. ``state10``, ``state20``: names of states; ``left``: of the 24 hours, None once nothing is owed."""

    id: int
    at: datetime
    category: str
    department: str
    state10: str
    state20: str
    group: str
    left: timedelta | None
    problems: int


@dataclass(frozen=True, slots=True)
class Listed:
    """A page of a list: rows with the masked patient, how many there are of each group and of those chosen."""

    rows: Sequence[tuple[Row, str]]
    counts: Mapping[str, int]
    page: int
    pages: int


def on_day(outbox: Outbox, day: date, now: datetime) -> list[Row]:
    """All visits of a day, the latest first."""
    start = datetime.combine(day, datetime.min.time())
    asked = {"since": told(start), "until": told(start + timedelta(days=1))}
    return _rows(outbox, "v.visit_at >= :since AND v.visit_at < :until", asked, now)


def urgent(outbox: Outbox, now: datetime) -> list[Row]:
    """Those whose 24 hours are nearly or wholly over, the most urgent first."""
    found = open_visits(outbox, now)["visit"].to_list()
    return by_id(outbox, found, now)[::-1]


def unmatched(outbox: Outbox, day: date, now: datetime) -> list[Row]:
    """Visits of a day that 1.0 has accepted and the 2.0 pre-check has not."""
    start = datetime.combine(day, datetime.min.time())
    where = f"""v.visit_at >= :since AND v.visit_at < :until
        AND EXISTS (SELECT 1 FROM track r WHERE r.visit = v.id AND r.kind = '{REAL10.code}' AND r.state = 'accepted')
        AND NOT EXISTS
        (SELECT 1 FROM track p WHERE p.visit = v.id AND p.kind = '{PRECHECK20.code}' AND p.state = 'accepted')"""  # noqa: S608
    return _rows(outbox, where, {"since": told(start), "until": told(start + timedelta(days=1))}, now)


def by_id(outbox: Outbox, visits: Sequence[int], now: datetime) -> list[Row]:
    """These visits, the latest first."""
    return _rows(outbox, "v.id IN (SELECT value FROM json_each(:ids))", {"ids": json.dumps(list(visits))}, now)


def listed(outbox: Outbox, rows: Sequence[Row], group: str = "", page: int = 1) -> Listed:
    """One page of the rows of a group (of all where it is empty); a page beyond the last is the last."""
    counts = {name: sum(row.group == name for row in rows) for name in GROUPS} | {"": len(rows)}
    chosen = [row for row in rows if group in ("", row.group)]
    pages = max(1, -(-len(chosen) // PAGE))
    page = min(max(1, page), pages)
    shown = chosen[(page - 1) * PAGE : page * PAGE]
    return Listed(list(zip(shown, _patients(outbox, shown), strict=True)), counts, page, pages)


def _rows(outbox: Outbox, where: str, asked: Mapping[str, Any], now: datetime) -> list[Row]:
    due = {kind.code for kind in kinds_on(now, outbox.switched_at)}
    asked = {**asked, "kind20": (REAL20 if REAL20.code in due else PRECHECK20).code}
    return [_row(values, due, now) for values in outbox.rows(_ROWS.format(where=where), asked)]


def _row(values: tuple[Any, ...], due: set[str], now: datetime) -> Row:
    number, visit_at, category, department, withdrawn, kept10, kept20, problems = values
    at = datetime.fromisoformat(visit_at)
    told10 = kept10 == "accepted"
    state10 = kept10 or ("waiting" if REAL10.code in due else "not needed")
    # what 1.0 has accepted before the switch is not sent again
    state20 = kept20 or ("not needed" if REAL20.code in due and told10 else "waiting")
    if withdrawn:
        state10, state20 = kept10 or "withdrawn", kept20 or "withdrawn"
    now_due = {state for state, is_due in ((state10, REAL10.code in due), (state20, True)) if is_due}
    group = "attention" if now_due & _ATTENTION else "moving" if now_due & _MOVING else "done"
    counts = state20 if REAL20.code in due else state10
    owed = not (withdrawn or told10 or counts in ("accepted", "left out", "deleted"))
    left = LIMIT - (now - at) if owed else None
    return Row(number, at, category, department, state10, state20, group, left, problems)


def _patients(outbox: Outbox, rows: Sequence[Row]) -> list[str]:
    ids = json.dumps([row.id for row in rows])
    found = dict(
        outbox.rows(
            "SELECT id, json_extract(content, '$.patient_id') FROM visit WHERE id IN (SELECT value FROM json_each(?))",
            [ids],
        )
    )
    return masked_ids([found.get(row.id) for row in rows])
