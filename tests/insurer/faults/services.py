"""The insurer's services as real processes, killed and started anew, and senders that do not give up."""

from __future__ import annotations

import base64
import os
import random
import re
import secrets
import signal
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx
from cryptography.hazmat.primitives.asymmetric import ec
from tests.insurer.faults.uploads import CLINIC

from nhicard.bench.processes import client_of, free_port
from nhicard.formats import rocdate
from nhicard.identity import signature_block
from nhicard.identity.signature_block import Block
from nhicard.insurer.intake.services.receiving import Upload
from nhicard.reader import issuing
from nhicard.reader.cards import image
from nhicard.reader.datacentre import DataCentre

Body = dict[str, str]
#: A sender that has no receipt after so many seconds has found a service that is not coming back.
PATIENCE: Final = 90.0
_TRY_AGAIN: Final = ("8201", "9999")
_CHILD: Final = re.compile(rb"Spawning worker-\d+ with PID: (\d+)")


@dataclass
class Process:
    """One of our commands as a process group of its own."""

    arguments: Sequence[str]
    environment: Mapping[str, str]
    log: Path
    running: subprocess.Popen[bytes] = field(init=False)

    def start(self) -> None:
        with self.log.open("ab") as output:
            self.running = subprocess.Popen(
                [sys.executable, "-m", "nhicard", *self.arguments],
                stdout=output,
                stderr=subprocess.STDOUT,
                env=dict(self.environment),
                start_new_session=True,
            )

    def kill(self) -> None:
        """Nothing of it is left."""
        with suppress(ProcessLookupError):
            os.killpg(self.running.pid, signal.SIGKILL)
        self.running.wait()

    def kill_a_child(self, chance: random.Random) -> None:
        """One of the processes that answer requests; the others end by themselves."""
        children = _CHILD.findall(self.log.read_bytes())[-2:]
        with suppress(IndexError, ProcessLookupError):  # it has not come so far since it was started
            os.kill(int(chance.choice(children)), signal.SIGKILL)
            with suppress(subprocess.TimeoutExpired):
                self.running.wait(5)


@dataclass
class Services:
    """``nhicard serve`` with two processes that answer, and ``nhicard worker``."""

    web: Process
    worker: Process
    url: str
    ca: Path
    home: Path

    @contextmanager
    def client(self) -> Iterator[httpx.Client]:
        with httpx.Client(base_url=self.url, verify=ssl.create_default_context(cafile=self.ca), timeout=20) as client:
            yield client

    def kill(self, chance: random.Random, what: str, after_death: Callable[[], object]) -> None:
        """One of ``web``, ``child`` and ``worker`` ends by force and is started again, as a supervisor does it.

        ``after_death`` is called while nobody works on the queue.
        """
        if what == "worker":
            self.worker.kill()
            after_death()
            self.worker.start()
            return
        if what == "child":
            self.web.kill_a_child(chance)
        self.web.kill()
        self.web.start()


@contextmanager
def started(home: Path, environment: Mapping[str, str]) -> Iterator[Services]:
    """Services that answer; killed at the end."""
    port = free_port()
    url, ca = f"https://127.0.0.1:{port}", home / "https" / "https.pem"
    serve = ["serve", "--port", str(port), "--workers", "2", "--test-cards"]
    services = Services(
        Process(serve, environment, home / "web.log"),
        Process(["worker", "--pause", "0.05"], environment, home / "worker.log"),
        url,
        ca,
        home,
    )
    services.web.start()
    try:
        with client_of(url, ca, "/health"):
            services.worker.start()
        try:
            yield services
        finally:
            services.worker.kill()
    finally:
        services.web.kill()


@dataclass(frozen=True)
class Sam:
    """A security module of the clinic with its key."""

    number: str
    key: ec.EllipticCurvePrivateKey

    def block(self) -> Body:
        """A fresh signature for an upload or a download."""
        block, at = Block(secrets.token_hex(16), CLINIC, self.number), rocdate.now().replace(microsecond=0)
        part = signature_block.sign_part(self.key, block.message("30", at))
        return {
            "sSamid": self.number,
            "sHospid": CLINIC,
            "sClientrandom": block.clientRandom,
            "sSignature": signature_block.pack(at, [part]),
        }

    def request(self, upload: Upload) -> Body:
        """An upload's request; sent again it is the same request."""
        return self.block() | {"sType": upload.kind, "sPatData": base64.b64encode(upload.content).decode()}


def issue_sams(services: Services, count: int) -> list[Sam]:
    """New security modules of the clinic, issued by the running service."""
    holder = issuing.Holder(institution=CLINIC, institution_name="測試診所", institution_kind="clinic")
    cards = [services.home / f"sam{place}.json" for place in range(count)]
    with DataCentre(services.url, services.ca) as centre:
        today = rocdate.now().date()
        numbers = [issuing.issue("SAM", holder, card, post=centre.post, today=today) for card in cards]
    return [Sam(number, image.load(card).signing_key()) for number, card in zip(numbers, cards, strict=True)]


def insist(client: httpx.Client, path: str, body: Body, again: Sequence[str] = _TRY_AGAIN) -> dict[str, Any]:
    """Send the same bytes until there is an answer other than "try again"; a broken connection says nothing.

    Raises TimeoutError where the service does not come back.
    """
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        with suppress(httpx.TransportError):
            reply: dict[str, Any] = client.post(path, json=body).json()
            if reply["rtnCode"] not in again:
                return reply
        time.sleep(0.1)
    raise TimeoutError(path)


def receipt_of(client: httpx.Client, body: Body) -> str:
    """Upload until it is acknowledged."""
    reply = insist(client, "/V1000/VNHI_Upload", body)
    assert reply["rtnCode"] == "0000", reply
    return str(reply["opCode"])


def result_of(client: httpx.Client, sam: Sam, receipt: str) -> bytes:
    """Poll for the result until there is one."""
    reply = insist(client, "/V1000/VNHI_Download", sam.block() | {"sOpcode": receipt}, ("5002", *_TRY_AGAIN))
    assert reply["rtnCode"] == "0000", reply
    return base64.b64decode(reply["tx_result_json"])


def send_all(services: Services, bodies: Iterable[Body], senders: int, pause: float = 0.0) -> list[tuple[Body, str]]:
    """Every request with its receipt, by several senders at once, each waiting so long between two."""
    waiting, turn = iter(bodies), threading.Lock()

    def send(_: int) -> list[tuple[Body, str]]:
        done: list[tuple[Body, str]] = []
        with services.client() as client:
            while True:
                with turn:
                    body = next(waiting, None)
                if body is None:
                    return done
                done.append((body, receipt_of(client, body)))
                time.sleep(pause)

    with ThreadPoolExecutor(senders) as threads:
        return [each for sent in threads.map(send, range(senders)) for each in sent]
