"""The worker: takes submissions from the queue, checks them, writes the results, until it is told to stop."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Final

import polars as pl
from django.db import IntegrityError, OperationalError, close_old_connections, transaction

from nhicard.checks.context import Context
from nhicard.formats.batch import Batch
from nhicard.insurer import clock
from nhicard.insurer.intake import signals
from nhicard.insurer.intake.history import StoredHistory
from nhicard.insurer.intake.kinds import KINDS
from nhicard.insurer.intake.models import Submission
from nhicard.insurer.intake.services import checking, claiming, counting, effects, retention, storing
from nhicard.insurer.intake.services.checking import Joint
from nhicard.insurer.intake.services.rounds import rounds, split
from nhicard.insurer.operations.database import is_away
from nhicard.insurer.registry import references

_RACES: Final = 5
_DEADLOCK: Final = "40P01"  # PostgreSQL's SQLSTATE deadlock_detected
_log = logging.getLogger("nhicard.worker")


class LostClaim(Exception):
    """Somebody else took the submissions over: this worker was too slow."""


class Worker:
    """``context`` gives the lists, keys and history of the moment; ``heartbeat`` is a file touched at every turn."""

    def __init__(
        self, context: Callable[[], Context], *, lease: timedelta = claiming.LEASE, heartbeat: Path | None = None
    ) -> None:
        self._context = context
        self._lease = lease
        self._heartbeat = heartbeat
        self._stop = threading.Event()
        self._cut_off: Sequence[Submission] = ()

    def stop(self) -> None:
        """End after the present batch."""
        self._stop.set()

    def run(self, pause: float = 0.5) -> None:
        """Work until stopped; a database that is away is waited for."""
        while not self._stop.is_set():
            try:
                if not self.once() and not retention.forget_old_results(clock.now()):
                    self._stop.wait(pause)
            except OperationalError as error:
                _log.warning("the database is away: %s", type(error).__name__)
                close_old_connections()
                self._stop.wait(max(pause, 1.0))

    def once(self) -> int:
        """One batch; how many submissions it was, or else how many jobs other apps had done."""
        if self._heartbeat:
            self._heartbeat.touch()
        if self._cut_off:
            claiming.give_back(self._cut_off)
            self._cut_off = ()
        jobs = sum(int(done or 0) for _, done in signals.turning.send(Worker, now=clock.now()))
        claimed = claiming.claim(clock.now(), self._lease)
        if not claimed:
            return jobs
        began = time.perf_counter()
        try:
            self._process(claimed)
        except LostClaim:
            _log.warning("another worker took over a batch of %d submissions", len(claimed))
        except Exception as error:
            if is_away(error):
                self._cut_off = claimed
                raise
            # which of them it was is not known: each is tried alone next time
            _log.error("a batch of %d submissions failed with %s", len(claimed), type(error).__name__, exc_info=True)
            claiming.release(claimed, f"{type(error).__name__}")
        else:
            seconds = time.perf_counter() - began
            _log.info(
                "checked %d submissions of %d bytes in %.3f s", len(claimed), sum(s.size for s in claimed), seconds
            )
        return len(claimed)

    def _process(self, claimed: Sequence[Submission]) -> None:
        for _ in range(_RACES):
            try:
                self._check_and_write(claimed)
                return
            except IntegrityError:
                continue  # another worker wrote a record of the same key: look again with it in the history
            except OperationalError as error:
                if getattr(error.__cause__, "sqlstate", "") != _DEADLOCK:
                    raise  # a deadlock is such a race, over several keys
        raise RuntimeError("other workers were faster every time")

    def _check_and_write(self, claimed: Sequence[Submission]) -> None:
        joint = checking.read_together(claimed)
        context = self._context()
        visits = storing.typed(joint, context.assumptions)
        context = replace(context, history=StoredHistory(visits))
        turns = rounds(visits)
        references.prepare(context.references, joint.batch)
        everything = pl.arange(visits.height, eager=True)
        findings = checking.RecordChecker(joint, context).findings(joint.batch, everything)
        own = checking.of_files(joint, context)
        refused = pl.concat([findings, own]).filter(pl.col("severity") == "file")["file"].unique()
        with transaction.atomic():
            if not claiming.still_mine(claimed):
                raise LostClaim
            if turns.max():
                visits, findings = _in_rounds(joint, context, visits, turns, refused)
            else:
                visits = storing.with_states(visits, findings, refused)
                _write(joint, joint.batch, visits)
            findings = pl.concat([findings, own])
            storing.write_findings(findings, joint.submissions)
            now = clock.now()
            storing.settle(joint, visits, findings, now)
            counting.recount(visits)
            accepted = sorted({each.institution for each in joint.submissions if each.accepted})
            signals.settled.send(Worker, kind=KINDS[claimed[0].kind], institutions=accepted, now=now)


def _in_rounds(
    joint: Joint, context: Context, visits: pl.DataFrame, turns: pl.Series, refused: pl.Series
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Check and write round after round, each with the earlier ones on record; all visits and findings."""
    checker = checking.RecordChecker(joint, context)
    kept, found = [], []
    for part, rows in split(joint.batch, turns):
        findings = checker.findings(part, rows)
        mine = storing.with_states(visits[rows], findings, refused)
        _write(joint, part, mine)
        kept.append(mine)
        found.append(findings)
    return pl.concat(kept), pl.concat(found)


def _write(joint: Joint, part: Batch, visits: pl.DataFrame) -> None:
    """One round's visits and orders, and what they do to those stored before."""
    effects.before(visits, is_precheck=joint.is_precheck)
    storing.write_visits(visits)
    storing.write_orders(part, visits)
    effects.after(visits, storing.refill_fields(part), is_precheck=joint.is_precheck)
