"""One claim file at a time: read, checked, compared with the uploaded visits, and its month brought up to date."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import polars as pl
from django.db import transaction

from nhicard.checks.claims import ClaimContext, ClaimFindings, check, is_revised
from nhicard.formats.claims import Claims, read
from nhicard.formats.reader import UnusableInput
from nhicard.insurer import clock
from nhicard.insurer.claims.models import ClaimFile, ClaimFinding, ClaimMonth, Meaning, State
from nhicard.insurer.claims.services import months, queue
from nhicard.insurer.claims.services.receiving import content_of
from nhicard.insurer.claims.services.visits import reported
from nhicard.insurer.intake.services import bulk
from nhicard.insurer.operations.database import is_away
from nhicard.insurer.registry import references

#: The item that says: completed in the revised format. A is told beside it.
REVISED_FORMAT: Final = frozenset("BCF")
_UNREADABLE: Final = "CLM-000"
_SENTENCE: Final = ("code", "element", "severity", "text_zh", "text_en")
_log = logging.getLogger("nhicard.worker")


@dataclass(frozen=True, slots=True)
class Checked:
    """What came of a file: counts, findings (``SCHEMA`` of the check) and items as [cases asked, cases revised]."""

    cases: int
    orders: int
    accepted: int
    warned: int
    rejected: int
    compared: int
    frame: pl.DataFrame
    revised: dict[str, list[int]]
    rules_off: list[str]

    @property
    def items(self) -> list[str]:
        """The incentive items that the file completes: every case revised, and none rejected."""
        if self.rejected:
            return []
        return sorted(item for item, (cases, revised) in self.revised.items() if 0 < cases == revised)

    @property
    def state(self) -> State:
        """What its month is by it."""
        if not self.accepted:
            return State.REJECTED
        return State.COMPLETED if REVISED_FORMAT & set(self.items) else State.ACCEPTED


def on_turning(*, now: datetime, **_: Any) -> int:
    """The worker turns to its queue: check one claim file first; how many that were."""
    return work(now)


def work(now: datetime) -> int:
    """Check the next claim file, if there is one; how many that were. Raises OperationalError where the database is
    away; any other trouble is the file's, which is tried three times."""
    file = queue.take(now.replace(microsecond=0))
    if file is None:
        return 0
    began = time.perf_counter()
    try:
        found = checked(content_of(file), file)
        is_mine = settle(file, found, clock.now())
    except Exception as error:
        if is_away(error):
            queue.give_back(file)
            raise
        _log.error("a claim file failed with %s", type(error).__name__, exc_info=True)
        queue.release(file, type(error).__name__, now.replace(microsecond=0))
        return 1
    if is_mine:
        _log.info("checked a claim file of %d bytes in %.3f s", file.size, time.perf_counter() - began)
    else:
        _log.warning("another worker took over a claim file")
    return 1


def checked(content: bytes, file: ClaimFile) -> Checked:
    """Read, check and compare; what cannot be read is rejected as a whole."""
    try:
        claims = read(content)
    except UnusableInput as trouble:
        return _unreadable(trouble)
    code = file.institution.code
    visits = reported(claims, code)
    context = ClaimContext(file.received_at, code, verifier=references.verifier())
    return _told(claims, check(claims, context, visits), visits.height)


@transaction.atomic
def settle(file: ClaimFile, found: Checked, now: datetime) -> bool:
    """Write the result and the month's step in one transaction; False where another worker has the file by now."""
    mine = queue.still_mine(file)
    if mine is None:
        return False
    month = ClaimMonth.objects.select_for_update().get(pk=mine.month_id)
    _write(mine, found.frame)
    mine.state, mine.claim, mine.claimed_until, mine.trouble = found.state, "", None, ""
    # a clock that was set back must not let a result come before its file
    mine.checked_at = max(now.replace(microsecond=0), mine.received_at)
    for name in ("cases", "orders", "accepted", "warned", "rejected", "compared", "revised", "rules_off"):
        setattr(mine, name, getattr(found, name))
    mine.save()
    counts = {name: getattr(found, name) for name in ("cases", "accepted", "warned", "rejected", "compared")}
    evidence = counts | {"revised": found.revised, "digest": mine.digest}
    months.add_step(month, mine, found.state, mine.checked_at, items=found.items, evidence=evidence)
    return True


def _told(claims: Claims, found: ClaimFindings, compared: int) -> Checked:
    return Checked(
        found.cases,
        found.orders,
        found.accepted + found.accepted_with_warnings,
        found.accepted_with_warnings,
        found.rejected,
        compared,
        found.frame,
        {str(item): [each.cases, each.revised] for item, each in is_revised(claims).items()},
        [each.code for each in found.rules_off],
    )


def _unreadable(trouble: UnusableInput) -> Checked:
    from nhicard.checks.claims.findings import SCHEMA

    said = {"element": "*", "code": _UNREADABLE, "severity": "file", "text_zh": trouble.zh, "text_en": trouble.en}
    frame = pl.DataFrame([dict.fromkeys(SCHEMA) | said], schema=dict(SCHEMA))
    return Checked(0, 0, 0, 0, 0, 0, frame, {}, [])


def _write(file: ClaimFile, frame: pl.DataFrame) -> None:
    """Findings, each sentence once."""
    said = frame.with_columns(pl.col("element").fill_null(""))
    meanings = (
        said.group_by(_SENTENCE, maintain_order=True)
        .agg(cases=pl.col("case").drop_nulls().n_unique(), findings=pl.len())
        .sort("cases", "findings", "code", "element", descending=[True, True, False, False], maintain_order=True)
        .with_row_index("number")
    )
    rows = said.join(meanings.select(*_SENTENCE, meaning="number"), on=list(_SENTENCE), maintain_order="left")
    file_id = pl.lit(file.pk, pl.Int64).alias("file_id")
    bulk.insert(Meaning, meanings.with_columns(file_id))
    finding = rows.select(
        file_id,
        "meaning",
        "case",
        "order",
        "value",
        pl.when(pl.col("line") > 0).then(pl.col("line")).alias("line"),
        key=pl.col("key").fill_null("").str.head(80),
    )
    bulk.insert(ClaimFinding, finding)
