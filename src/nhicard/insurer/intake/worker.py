"""The worker: takes submissions from the queue, checks them, writes the results, until it is told to stop."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from django.db import IntegrityError, OperationalError, close_old_connections, transaction

from nhicard.checks.context import Context
from nhicard.insurer import clock
from nhicard.insurer.intake.models import Submission
from nhicard.insurer.intake.services import checking, claiming, counting, storing
from nhicard.insurer.intake.services.checking import Checked

_RACES: Final = 5
_LARGE: Final = 8 * 1024 * 1024
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

    def stop(self) -> None:
        """End after the present batch."""
        self._stop.set()

    def run(self, pause: float = 0.5) -> None:
        """Work until stopped; a database that is away is waited for."""
        while not self._stop.is_set():
            try:
                if not self.once():
                    self._stop.wait(pause)
            except OperationalError as error:
                _log.warning("the database is away: %s", type(error).__name__)
                close_old_connections()
                self._stop.wait(max(pause, 1.0))

    def once(self) -> int:
        """One batch; how many submissions it was."""
        if self._heartbeat:
            self._heartbeat.touch()
        claimed = claiming.claim(clock.now(), self._lease)
        if not claimed:
            return 0
        began = time.perf_counter()
        try:
            self._process(claimed)
        except (OperationalError, LostClaim):
            raise
        except Exception as error:
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
        raise RuntimeError("other workers were faster every time")

    def _check_and_write(self, claimed: Sequence[Submission]) -> None:
        context = self._context()
        large = len(claimed) == 1 and claimed[0].size > _LARGE
        parts = (
            list(checking.check_slices(claimed[0], context)) if large else [checking.check_together(claimed, context)]
        )
        with transaction.atomic():
            if not claiming.still_mine(claimed):
                raise LostClaim
            write(parts, claimed, context, clock.now())


def write(parts: Sequence[Checked], submissions: Sequence[Submission], context: Context, now: datetime) -> None:
    """All results of submissions, within the caller's transaction."""
    import polars as pl

    kept = pl.concat([storing.store(part, context.assumptions) for part in parts])
    orders = pl.concat([storing.order_numbers(part) for part in parts])
    findings = pl.concat([part.findings.select("file", "number") for part in parts])
    for place, submission in enumerate(submissions):
        own = pl.col("file") == place
        storing.settle(submission, kept.filter(own), orders.filter(own), findings.filter(own), now)
    counting.recount(kept)
