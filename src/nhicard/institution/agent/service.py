"""The agent as a service: sources in, turns of the agent, and the console, until it is told to stop."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

import polars as pl

from nhicard.checks import Context
from nhicard.formats import rocdate
from nhicard.institution.agent.agent import Agent, Policy
from nhicard.institution.agent.folder import take_files
from nhicard.institution.agent.settings import Settings
from nhicard.institution.insurer import Insurer
from nhicard.institution.outbox.store import Outbox, told
from nhicard.institution.outbox.taking import take
from nhicard.institution.visits import Visits
from nhicard.reader.client import Reader, StatusError

_log = logging.getLogger("nhicard.agent")
_READ_UNTIL: Final = "read_until"
_READER_OK: Final = "reader_ok_at"
_INSURER_OK: Final = "insurer_ok_at"


class Signer:
    """Signature blocks from the control software, connected anew where it went away."""

    def __init__(self, settings: Settings, seen: Callable[[], None] = lambda: None) -> None:
        self._settings = settings
        self._seen = seen
        self._reader: Reader | None = None

    def __call__(self) -> dict[str, str]:
        """A fresh block. Raises StatusError, UnusableAnswer."""
        settings = self._settings
        if self._reader is None:
            self._reader = Reader(
                settings.insurer, settings.reader, reader_ca=settings.reader_ca, centre_ca=settings.insurer_ca
            )
        try:
            block: dict[str, str] = self._reader.upload_signature()
        except StatusError:
            # a reader that was restarted has forgotten its SAM
            self._reader.open()
            block = self._reader.upload_signature()
        self._seen()
        return block


class Service:
    """One agent with its sources."""

    def __init__(self, settings: Settings, context: Context | None = None) -> None:
        self.settings = settings
        self.outbox = Outbox(settings.outbox)
        signer = Signer(settings, lambda: self._note(_READER_OK))
        self.insurer = Insurer(settings.insurer, signer, ca=settings.insurer_ca)
        policy = Policy(hold=settings.hold, patience=settings.patience)
        self.agent = Agent(self.outbox, self.insurer, context, policy)
        self._stop = threading.Event()
        self._looked_at = datetime.min

    def take_all(self, now: datetime) -> None:
        """Look at every source once."""
        self.settings.folder.mkdir(parents=True, exist_ok=True)
        take_files(self.settings.folder, lambda visits, department: self.take(visits, department, now))
        if self.settings.sql:
            self._take_sql(now)

    def take(self, visits: Visits, department: pl.Series | None, now: datetime) -> None:
        """Keep visits; on disk when this returns."""
        taken = take(self.outbox, visits, now, department)
        _log.info("taken: %d new, %d changed, %d known", taken.new, taken.changed, taken.unchanged)

    def turn(self, now: datetime) -> bool:
        """Sources if it is time, then one turn of the agent; whether anything was done."""
        if now - self._looked_at >= self.settings.every:
            self._looked_at = now
            self.take_all(now)
        done = self.agent.turn(now)
        if done.received or done.answered:
            self._note(_INSURER_OK, now)
        return bool(done)

    def run(self, pause: float = 2.0, now: Callable[[], datetime] = rocdate.now) -> None:
        """Until stopped. What goes wrong in one turn is told and tried again."""
        while not self._stop.is_set():
            try:
                busy = self.turn(now())
            except Exception as error:
                _log.error("a turn failed with %s", type(error).__name__, exc_info=True)
                busy = False
            if not busy:
                self._stop.wait(pause)

    def stop(self) -> None:
        """End after the present turn."""
        self._stop.set()

    def close(self) -> None:
        """Let file and connections go."""
        self.insurer.close()
        self.outbox.close()

    def _take_sql(self, now: datetime) -> None:
        from nhicard.institution.sources import UnreadableDatabase, UnusableMapping, load_mapping
        from nhicard.institution.sources.sql import SqlSource  # SQLAlchemy is loaded only where there is a database

        assert self.settings.sql
        since = self.outbox.setting(_READ_UNTIL)
        try:
            found = SqlSource(load_mapping(self.settings.sql)).read(datetime.fromisoformat(since) if since else None)
        except (UnreadableDatabase, UnusableMapping, OSError) as error:
            _log.warning("the HIS database cannot be read: %s", error)
            return
        self.take(found.visits, found.department, now)
        # a little before, for rows whose transactions were open at that moment
        self.outbox.set(_READ_UNTIL, told(now - timedelta(minutes=10)))

    def _note(self, name: str, now: datetime | None = None) -> None:
        self.outbox.set(name, told(now or rocdate.now()))
