"""The services as processes of their own, a day sent to them, and what was seen meanwhile."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import numpy as np

from nhicard.bench.processes import client_of, free_port, service
from nhicard.formats import rocdate
from nhicard.formats.batch import Batch
from nhicard.formats.tables import Edition
from nhicard.identity.keyring import KeyRing
from nhicard.reader import issuing
from nhicard.reader.cards import image
from nhicard.reader.datacentre import DataCentre
from nhicard.simulation.day import Day
from nhicard.simulation.sending import Sam, Sent, prepared, send_all
from nhicard.synthetic import generate

_LOOKS_EVERY: Final = 0.5
_DRAINS_WITHIN: Final = 600.0
_EDITIONS: Final[tuple[Edition, ...]] = ("1.0", "2.0")


@dataclass(frozen=True, slots=True)
class Look:
    """The queue at one moment: second of the run, submissions waiting, age of the oldest in seconds, results so far."""

    at: float
    waiting: int
    age: float
    results: int


@dataclass(slots=True)
class Seen:
    """``first_seen``: when each receipt's result was first seen, on the monotonic clock, to half a second."""

    looks: list[Look] = field(default_factory=list)
    first_seen: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ran:
    """A finished run. ``bytes_before``, ``bytes_after``: size of the database; ``load``: of the machine, when it began
    and ended (one-minute averages)."""

    day: Day
    uploads: Sequence[Sent]
    seen: Seen
    start: float
    ended: float
    losses: dict[str, int]
    bytes_before: int
    bytes_after: int
    database: str
    load: tuple[float, float]


def run(day: Day, folder: Path, senders: int, workers: int, tell: Callable[[str], None]) -> Ran:
    """Simulate the day on the database of DATABASE_URL, which must be empty; SQLite in the folder without it."""
    home = folder / "insurer"
    os.environ["NHICARD_INSURER_HOME"] = str(home)
    os.environ.setdefault("NHICARD_LOG_LEVEL", "WARNING")
    port = free_port()
    url, ca = f"https://127.0.0.1:{port}", home / "https" / "https.pem"
    load = os.getloadavg()[0]
    from nhicard.insurer import serving

    tell("making the tables")
    serving.set_up_django()
    serving.set_up()
    with ExitStack() as running:
        serve = ["serve", "--home", str(home), "--port", str(port), "--test-cards"]
        running.enter_context(service(serve, folder / "insurer.log"))
        running.enter_context(client_of(url, ca, "/health"))
        tell("making visits, signatures and requests")
        told = _told(day, home)
        institutions = told["2.0"].visits["M05"]
        sams = _sams(sorted(set(institutions)), url, ca, folder)
        uploads = prepared(day.uploads(institutions), told, sams)
        from nhicard.simulation import recount

        _require_empty()
        before = _database_bytes()
        tell(f"{len(uploads):,} uploads of {day.visits:,} visits in {day.seconds:.0f} s")
        start = time.monotonic() + 1.0
        _switch(day.switching(institutions), rocdate.now() + timedelta(seconds=1))
        seen = Seen()
        with _looking(seen, start), _workers(day, workers, home, folder, start):
            send_all(uploads, senders, url, ca, start)
            tell("everything is sent; waiting for the last result")
            _wait_until_checked()
            time.sleep(2 * _LOOKS_EVERY)
        ended = max(seen.first_seen.values(), default=start)
        from django.db import connection

        return Ran(
            day, uploads, seen, start, ended, recount.losses(uploads), before, _database_bytes(), connection.vendor,
            (load, os.getloadavg()[0]),
        )  # fmt: skip


def _told(day: Day, home: Path) -> dict[str, Batch]:
    """The same visits in each edition."""
    keys = KeyRing.load(home / "keys" / "identifier-keys.json")
    now = rocdate.now()
    return {edition: generate(edition, day.visits, day.seed, now, day.there, keys=keys) for edition in _EDITIONS}


def _sams(institutions: Sequence[str], url: str, ca: Path, folder: Path) -> dict[str, Sam]:
    made = {}
    today = rocdate.now().date()
    with DataCentre(url, ca) as centre:
        for place, code in enumerate(institutions):
            card = folder / f"sam{place}.json"
            holder = issuing.Holder(institution=code, institution_name="測試院所", institution_kind="clinic")
            number = issuing.issue("SAM", holder, card, post=centre.post, today=today)
            made[code] = Sam(number, image.load(card).signing_key())
    return made


def _switch(moments: dict[str, float], start: datetime) -> None:
    """Qualified from the beginning, 1.0 refused from the moment of the switch."""
    from nhicard.insurer.intake.models import EditionState

    before = start - timedelta(days=1)
    EditionState.objects.bulk_create(
        EditionState(institution=code, qualified_at=before, switched_at=start + timedelta(seconds=at))
        for code, at in moments.items()
    )


@contextmanager
def _workers(day: Day, count: int, home: Path, folder: Path, start: float) -> Iterator[None]:
    """Workers, save for the part of the run in which none is there."""
    stop, over = (part * day.seconds for part in day.worker_stops)
    done = threading.Event()

    def working(until: float | None) -> bool:
        with ExitStack() as running:
            for place in range(count):
                command = ["worker", "--home", str(home), "--pause", "0.1"]
                running.enter_context(service(command, folder / f"worker{place}.log"))
            return done.wait(None if until is None else max(0.0, start + until - time.monotonic()))

    def tending() -> None:
        if not working(stop) and not done.wait(max(0.0, start + over - time.monotonic())):
            working(None)

    tended = threading.Thread(target=tending)
    tended.start()
    try:
        yield
    finally:
        done.set()
        tended.join()


@contextmanager
def _looking(seen: Seen, start: float) -> Iterator[None]:
    """Looks at the queue until the end."""
    done = threading.Event()

    def looking() -> None:
        from django.db import connection

        since = rocdate.now()
        while True:
            ending = done.is_set()
            with suppress(KeyError):
                since = _look(seen, start, since)
            if ending:
                break
            done.wait(_LOOKS_EVERY)
        connection.close()

    looks = threading.Thread(target=looking)
    looks.start()
    try:
        yield
    finally:
        done.set()
        looks.join()


def _look(seen: Seen, start: float, since: datetime) -> datetime:
    """One look, of what was checked since; when it was."""
    from nhicard.insurer.intake.models import State, Submission

    now = rocdate.now()
    checked = Submission.objects.filter(state=State.CHECKED, checked_at__gte=since - timedelta(seconds=30))
    receipts = list(checked.values_list("receipt", flat=True))
    moment = time.monotonic()
    for receipt in receipts:
        seen.first_seen.setdefault(receipt, moment)
    pending = Submission.objects.filter(state=State.PENDING)
    oldest = pending.order_by("id").values_list("received_at", flat=True).first()
    age = max(0.0, (now - oldest).total_seconds()) if oldest else 0.0
    seen.looks.append(Look(moment - start, pending.count(), age, len(seen.first_seen)))
    return now


def _wait_until_checked() -> None:
    """Raises TimeoutError after ten minutes."""
    from nhicard.insurer.intake.models import State, Submission

    deadline = time.monotonic() + _DRAINS_WITHIN
    while Submission.objects.filter(state=State.PENDING).exists():
        if time.monotonic() > deadline:
            raise TimeoutError("the queue was not empty ten minutes after the last upload")
        time.sleep(0.2)


def _require_empty() -> None:
    from nhicard.insurer.intake.models import Submission

    if Submission.objects.exists():
        raise ValueError("the database has submissions; the simulation needs one of its own")


def _database_bytes() -> int:
    from django.db import connection

    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT pg_database_size(current_database())")
        else:
            cursor.execute("SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()")
        return int(cursor.fetchone()[0])


def waits(ran: Ran) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Seconds from the beginning of each upload to its result, sorted."""
    return np.sort([ran.seen.first_seen[each.receipt] - each.begun for each in ran.uploads])
