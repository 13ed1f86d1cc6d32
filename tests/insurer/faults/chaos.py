"""Everything goes wrong, for a while: ``python -m tests.insurer.faults.chaos --minutes N [--seed S]``.

A real server with two workers, one of them with a wrong clock, on a PostgreSQL of their own; between them and the
database, and between the senders and the server, a proxy that cuts, delays and swallows. At random moments something
of ``TROUBLES`` happens while several senders send and send again. Then all is well, every acknowledged upload must have
its one result, and what is on record is counted anew from the raw payloads (``recount``).
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Final
from urllib.parse import unquote

import django

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "nhicard.insurer.settings")
    django.setup()

from django.db import connections, transaction  # needs Django
from tests.insurer.faults.databases import Database, Server, opened, own_server
from tests.insurer.faults.proxy import Proxy, proxied, to_port, to_socket
from tests.insurer.faults.recount import require_each_checked_once
from tests.insurer.faults.services import Process, Services, issue_sams, result_of, send_all, started
from tests.insurer.faults.uploads import Scene, uploads

from nhicard.formats import rocdate
from nhicard.identity.keyring import KeyRing
from nhicard.insurer.intake.models import State, Submission

SENDERS: Final = 3
_ROOT: Final = Path(__file__).parents[3]
#: A SAM may send 600 uploads a minute; each sender waits so long between two.
_PAUSE: Final = 0.15
_SKEW: Final = 40  # seconds: less than a lease, or the two workers would only take over from each other
_LONGEST: Final = 4.0


class Skewed(Process):
    """A worker with a wrong clock."""

    def start(self) -> None:
        command = [sys.executable, "-m", "tests.insurer.faults.skewed", str(_SKEW), *self.arguments]
        with self.log.open("ab") as output:
            self.running = subprocess.Popen(
                command, stdout=output, stderr=output, env=dict(self.environment), cwd=_ROOT, start_new_session=True
            )


@dataclass
class Stage:
    """All that can be made to suffer. ``happened`` counts what did."""

    services: Services
    skewed: Process
    server: Server
    database: Database
    to_database: Proxy
    to_server: Proxy
    chance: random.Random
    happened: Counter[str] = field(default_factory=Counter)
    acting: threading.Lock = field(default_factory=threading.Lock)
    over: threading.Event = field(default_factory=threading.Event)

    def supervise(self) -> None:
        """Start anew what has ended by itself, as it does where the database is away when it starts."""
        while not self.over.wait(0.5):
            with self.acting:
                for process in (self.services.web, *self.workers()):
                    if process.running.poll() is not None:
                        process.start()
                        self.happened["ended by itself"] += 1

    def workers(self) -> list[Process]:
        return [self.services.worker, self.skewed]

    def a_while(self) -> None:
        time.sleep(self.chance.uniform(0.2, _LONGEST))


def kill_a_worker(stage: Stage) -> None:
    worker = stage.chance.choice(stage.workers())
    worker.kill()
    _leases_run_out()
    worker.start()


def kill_the_server(stage: Stage) -> None:
    stage.services.web.kill()
    stage.services.web.start()


def kill_a_child(stage: Stage) -> None:
    stage.services.kill(stage.chance, "child", lambda: None)


def pause_a_worker(stage: Stage) -> None:
    """It stands still with what it has claimed; another one may take that over."""
    with _paused(stage.chance.choice(stage.workers())):
        stage.a_while()
        _leases_run_out()


def pause_the_server(stage: Stage) -> None:
    with _paused(stage.services.web):
        stage.a_while()


def cut_the_database_off(stage: Stage) -> None:
    stage.to_database.refuses = True
    stage.to_database.cut()
    stage.a_while()


def slow_database(stage: Stage) -> None:
    stage.to_database.delay = stage.chance.uniform(0.01, 0.2)
    stage.a_while()


def silent_database(stage: Stage) -> None:
    """Packets vanish; then the connections break, as they do when a route comes back."""
    stage.to_database.swallows = True
    stage.a_while()
    stage.to_database.cut()


def cut_senders_off(stage: Stage) -> None:
    stage.to_server.cut()


def slow_senders(stage: Stage) -> None:
    stage.to_server.delay = stage.chance.uniform(0.01, 0.3)
    stage.a_while()


def silent_server(stage: Stage) -> None:
    stage.to_server.swallows = True
    stage.a_while()
    stage.to_server.cut()


def power_cut(stage: Stage) -> None:
    """The database server ends without finishing anything, and recovers."""
    stage.server.cut_off()
    connections.close_all()


def full_disk(stage: Stage) -> None:
    with stage.database.full("intake_payload", "intake_visit"):
        stage.a_while()


TROUBLES: Final[tuple[Callable[[Stage], None], ...]] = (
    *(kill_a_worker, kill_the_server, kill_a_child, pause_a_worker, pause_the_server, cut_the_database_off),
    *(slow_database, silent_database, cut_senders_off, slow_senders, silent_server, power_cut, full_disk),
)


@contextmanager
def _paused(process: Process) -> Iterator[None]:
    """SIGSTOP, and SIGCONT at the end, to all of it."""
    with suppress(ProcessLookupError):
        os.killpg(process.running.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.running.pid, signal.SIGCONT)


def _leases_run_out() -> None:
    """But of those that a worker is just writing results of: it may be standing still, and we would wait for it."""
    with transaction.atomic():
        claimed = Submission.objects.exclude(claimed_until=None).select_for_update(skip_locked=True)
        free = list(claimed.values_list("pk", flat=True))
        Submission.objects.filter(pk__in=free).update(claimed_until=rocdate.now() - timedelta(hours=1))


def chaos(home: Path, seconds: float, seed: int, say: Callable[[str], object] = lambda _: None) -> Counter[str]:
    """So many seconds of trouble; what happened. Raises AssertionError where something was lost or done twice."""
    with own_server() as server, opened(home, server.url) as database, _stage(home, server, database, seed) as stage:
        sams = issue_sams(stage.services, 2)
        yesterday = rocdate.format_date(rocdate.now().date() - timedelta(days=1))
        scene = Scene(yesterday, sams[0].number, KeyRing.load(home / "keys" / "identifier-keys.json"))
        over = threading.Event()

        def requests() -> Iterator[dict[str, str]]:
            number = 0
            while not over.is_set():
                yield sams[number % 2].request(uploads(1, number, scene)[0])
                number += 1

        with ThreadPoolExecutor(1) as beside:
            troubled = beside.submit(_trouble, stage, seconds, over, say)
            sent = send_all(stage.services, requests(), SENDERS, _PAUSE)
            troubled.result()
        connections.close_all()
        by_number = {sam.number: sam for sam in sams}
        with stage.services.client() as client:
            for body, receipt in sent:
                assert result_of(client, by_number[body["sSamid"]], receipt)
        aside = Submission.objects.filter(state=State.SET_ASIDE).count()
        assert len({receipt for _, receipt in sent}) == len(sent) == Submission.objects.count() > 0
        require_each_checked_once(aside=aside)
        say(f"{len(sent)} uploads, each with one result; {aside} set aside after three ends; {dict(stage.happened)}")
        return stage.happened


def _trouble(stage: Stage, seconds: float, over: threading.Event, say: Callable[[str], object]) -> None:
    """Each kind once in a random order, and then again, until the time is over; then all is well."""
    end = time.monotonic() + seconds
    waiting: list[Callable[[Stage], None]] = []
    try:
        while time.monotonic() < end:
            waiting = waiting or stage.chance.sample(TROUBLES, len(TROUBLES))
            trouble = waiting.pop()
            say(trouble.__name__)
            with stage.acting:
                trouble(stage)
                stage.to_database.well()
                stage.to_server.well()
            stage.happened[trouble.__name__] += 1
            time.sleep(stage.chance.uniform(0.1, 0.8))
    finally:
        stage.to_database.well()
        stage.to_server.well()
        _leases_run_out()
        connections.close_all()
        over.set()


@contextmanager
def _stage(home: Path, server: Server, database: Database, seed: int) -> Iterator[Stage]:
    name = database.url.rpartition("/")[2]
    folder = unquote(server.url.partition("@")[2].partition("/")[0])
    with proxied(to_socket(f"{folder}/.s.PGSQL.5432")) as to_database:
        url = f"postgresql://postgres@127.0.0.1:{to_database.port}/{name}?connect_timeout=5"
        environment = database.environment | {"DATABASE_URL": url}
        with started(home, environment) as services:
            port = int(services.url.rpartition(":")[2])
            skewed = Skewed(["worker", "--pause", "0.05"], environment, home / "skewed.log")
            with proxied(to_port(port)) as to_server:
                services.url = f"https://127.0.0.1:{to_server.port}"
                skewed.start()
                stage = Stage(services, skewed, server, database, to_database, to_server, random.Random(seed))
                supervising = threading.Thread(target=stage.supervise, daemon=True)
                supervising.start()
                try:
                    yield stage
                finally:
                    stage.over.set()
                    supervising.join()
                    skewed.kill()


def main() -> None:
    """From the command line, in a folder of its own."""
    import tempfile

    from django.conf import settings

    from nhicard.insurer.registry import authority

    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--keep", type=Path, help="work in this folder and leave it there")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    wanted = parser.parse_args()
    sys.stdout.write(f"seed {wanted.seed}\n")
    with tempfile.TemporaryDirectory(prefix="nhicard-chaos-") as folder:
        home = wanted.keep or Path(folder)
        home.mkdir(exist_ok=True)
        settings.HOME = home
        authority.create(rocdate.now())
        chaos(home, wanted.minutes * 60, wanted.seed, lambda line: print(line, flush=True))  # noqa: T201


if __name__ == "__main__":
    main()
