"""A clinic with a week behind it: most visits accepted in both editions, some causes of trouble planted."""

from __future__ import annotations

import logging
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Final

import httpx
import polars as pl
import uvicorn
from anyio.from_thread import BlockingPortal, start_blocking_portal
from fastapi import FastAPI
from tests.institution.agent.world import ScriptedInsurer, good_visits, not_ready, silent, with_value

from nhicard.formats import rocdate
from nhicard.institution.agent import Agent, Policy
from nhicard.institution.agent.sending import Pauses
from nhicard.institution.console import Secrets, create_app
from nhicard.institution.outbox import Outbox, take
from nhicard.institution.visits import Visits

NOW: Final = datetime(2026, 11, 19, 21, 30)
PASSWORD: Final = "診間 7 號的門"
BAD_DIAGNOSIS: Final = "Z9999"
DEPARTMENTS: Final = ("內科", "外科", "小兒科", "家醫科")
ADDRESS: Final = "http://127.0.0.1:5067"


@dataclass
class Clock:
    """The console's time."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now


@dataclass
class Clinic:
    """An agent's folder, its outbox, secrets, and the console over them."""

    home: Path
    secrets: Secrets
    clock: Clock
    app: FastAPI
    visits: Visits

    @property
    def outbox(self) -> Path:
        return self.home / "outbox.sqlite3"

    def rows(self, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """What the outbox holds."""
        with Outbox(self.outbox) as outbox:
            return outbox.rows(statement, parameters)

    def visit(self, where: str = "true") -> int:
        """The number of a visit."""
        return int(self.rows(f"SELECT v.id FROM visit v WHERE {where} ORDER BY v.id")[0][0])

    @property
    def personal(self) -> set[str]:
        """What must not be shown: IDs, card numbers and dates of birth of everybody."""
        names = ("patient_id", "card_number", "staff_id", "birth_date")
        return {value for name in names for value in self.visits.visits[name].drop_nulls() if len(value) > 3}


def clinic(home: Path, *, empty: bool = False, password: str = PASSWORD) -> Clinic:
    """One with a week of visits in its outbox, unless it is to be empty."""
    secrets = Secrets.of(home)
    if password:
        secrets.set_password(password)
    clock = Clock()
    if not empty:
        (home / "outbox.sqlite3").write_bytes(_a_week())
    return Clinic(home, secrets, clock, create_app(home / "outbox.sqlite3", secrets, clock), good_visits(200))


@cache
def _a_week() -> bytes:
    """The outbox's file: made once, copied for each test that changes it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "outbox.sqlite3"
        with Outbox(path) as outbox:
            _fill(outbox, good_visits(200))
        return path.read_bytes()


def _fill(outbox: Outbox, visits: Visits) -> None:
    """Older visits are done but for the planted ones; of today's some are on their way and some not yet looked at."""
    at = visits.visits.select(rocdate.as_datetime(pl.coalesce("actual_visit_time", "visit_time"))).to_series()
    is_today = at.dt.date() == NOW.date()
    older, today = (~is_today).arg_true(), is_today.arg_true()
    for row, columns in (
        (older[0], {"birth_date": "1150230"}),
        *((older[place], {"principal_diagnosis": BAD_DIAGNOSIS}) for place in (30, 45, 60, 90)),
        (today[0], {"principal_diagnosis": BAD_DIAGNOSIS}),
        (today[1], {"birth_date": "1150230"}),
    ):
        visits = with_value(visits, int(row), **columns)
    insurer = ScriptedInsurer(_refuses)
    agent = Agent(outbox, insurer, policy=Policy(pauses=Pauses(chance=lambda: 1.0)))  # type: ignore[arg-type]
    _take(outbox, visits.part(older), NOW - timedelta(days=1))
    _rest(agent, NOW - timedelta(days=1, minutes=-5))
    _take(outbox, visits.part(today[:7]), NOW - timedelta(hours=2))
    _rest(agent, NOW - timedelta(hours=2))
    _take(outbox, visits.part(today[7:10]), NOW - timedelta(minutes=30))
    insurer.before_result = not_ready
    _rest(agent, NOW - timedelta(minutes=29))
    insurer.before = silent
    _take(outbox, visits.part(today[10:13]), NOW - timedelta(minutes=10))
    _rest(agent, NOW - timedelta(minutes=9))
    _take(outbox, visits.part(today[13:]), NOW - timedelta(minutes=1))
    for name in ("reader_ok_at", "insurer_ok_at"):
        outbox.set(name, (NOW - timedelta(minutes=29)).isoformat(sep=" ", timespec="seconds"))


def _refuses(kind: str, visit: dict[str, Any]) -> list[str]:
    bad20 = visit.get("M35") == BAD_DIAGNOSIS and kind == "A2"
    return ["M35:15", "D06[1]:AF"] if bad20 else []


def _take(outbox: Outbox, visits: Visits, now: datetime) -> None:
    names = [DEPARTMENTS[row % len(DEPARTMENTS)] for row in range(visits.visits.height)]
    take(outbox, visits, now, pl.Series(names, dtype=pl.String))


def _rest(agent: Agent, now: datetime) -> None:
    for _ in range(5):
        agent.turn(now)
        now += timedelta(seconds=20)


@dataclass
class Browser:
    """An HTTP client on the console, without a network; follows no redirect."""

    portal: BlockingPortal
    client: httpx.AsyncClient

    def ask(self, method: str, path: str, **facts: Any) -> httpx.Response:
        """One request."""

        async def asking() -> httpx.Response:
            return await self.client.request(method, path, **facts)

        return self.portal.call(asking)

    def get(self, path: str, **facts: Any) -> httpx.Response:
        return self.ask("GET", path, **facts)

    def post(self, path: str, data: dict[str, str], page: str = "/steps", **facts: Any) -> httpx.Response:
        """A form, with the token that a page shows."""
        shown = self.get(page).text
        token = shown.partition('name="token" value="')[2].partition('"')[0]
        return self.ask("POST", path, data={"token": token} | data, **facts)

    def sign_in(self, password: str = PASSWORD) -> httpx.Response:
        return self.post("/login", {"password": password}, page="/login")


@contextmanager
def browsing(app: FastAPI, address: str = ADDRESS) -> Iterator[Browser]:
    """A browser that has signed nothing yet."""
    with start_blocking_portal() as portal:
        client = httpx.AsyncClient(transport=httpx.ASGITransport(app, raise_app_exceptions=False), base_url=address)
        try:
            yield Browser(portal, client)
        finally:
            portal.call(client.aclose)


@contextmanager
def served(app: FastAPI) -> Iterator[str]:
    """The console on a free port of this machine; its address."""
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error", access_log=False))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive(), "the server did not start"
        thread.join(0.02)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(10)


@contextmanager
def logged() -> Iterator[list[str]]:
    """Every log line of every logger while the block lasts."""
    lines: list[str] = []

    class _Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(self.format(record))

    root, handler = logging.getLogger(), _Keep(logging.DEBUG)
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield lines
    finally:
        root.removeHandler(handler)
        root.setLevel(before)
