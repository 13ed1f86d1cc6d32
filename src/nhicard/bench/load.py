"""A load of single-visit uploads on a running insurer: ``python -m nhicard.bench.load``.

Starts the services and one worker on the database of ``DATABASE_URL`` (``tools/with_postgresql.py`` gives one), sends
every visit as an upload of its own from several senders at once, waits until all are checked, and prints what came of
it. Bounded in number and time; only addresses of this machine.
"""

from __future__ import annotations

import argparse
import base64
import secrets
import ssl
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, Final

import httpx
import polars as pl

from nhicard.bench.processes import client_of, free_port, service
from nhicard.formats import rocdate
from nhicard.formats.batch import Batch
from nhicard.formats.writer import write
from nhicard.identity import signature_block
from nhicard.identity.keyring import KeyRing
from nhicard.identity.signature_block import Block
from nhicard.reader import issuing
from nhicard.reader.cards import image
from nhicard.reader.datacentre import DataCentre
from nhicard.synthetic import generate

_WAITS: Final = 600.0
_KIND: Final = "A2"
_UPLOADS_A_SAM: Final = 500  # a minute's limit is 600


def run(uploads: int, senders: int, folder: Path) -> dict[str, float]:
    """The figures: uploads a second, milliseconds to the receipt (median, 99th percentile), checked a second."""
    home = folder / "insurer"
    with ExitStack() as running:
        port = free_port()
        url, ca = f"https://127.0.0.1:{port}", home / "https" / "https.pem"
        serve = ["serve", "--home", str(home), "--port", str(port), "--test-cards"]
        running.enter_context(service(serve, folder / "insurer.log"))
        running.enter_context(client_of(url, ca, "/health"))
        bodies = _bodies(uploads, url, ca, home, folder)
        running.enter_context(service(["worker", "--home", str(home)], folder / "worker.log"))
        began = time.perf_counter()
        seconds = _send(bodies, senders, url, ca)
        sent = time.perf_counter() - began
        _wait_until_checked(url, ca, uploads)
        checked = time.perf_counter() - began
    ordered = sorted(seconds)
    return {
        "uploads": uploads,
        "uploads a second": uploads / sent,
        "ms to the receipt, median": ordered[len(ordered) // 2] * 1000,
        "ms to the receipt, p99": ordered[int(len(ordered) * 0.99)] * 1000,
        "received and checked a second": uploads / checked,
    }


def _bodies(uploads: int, url: str, ca: Path, home: Path, folder: Path) -> list[dict[str, str]]:
    """Signed requests, one a visit, made before the clock runs."""
    keys = KeyRing.load(home / "keys" / "identifier-keys.json")
    now = rocdate.now()
    batch = generate("2.0", uploads, 7, now, keys=keys)
    institution = str(batch.visits["M05"][0])
    with DataCentre(url, ca) as centre:
        holder = issuing.Holder(institution=institution, institution_name="測試院所", institution_kind="hospital")
        cards = [folder / f"sam{place}.json" for place in range(-(-uploads // _UPLOADS_A_SAM))]
        numbers = [issuing.issue("SAM", holder, card, post=centre.post, today=now.date()) for card in cards]
    signing = [(number, image.load(card).signing_key()) for number, card in zip(numbers, cards, strict=True)]
    bodies = []
    for place, content in enumerate(_files(batch)):
        number, key = signing[place // _UPLOADS_A_SAM]
        block = Block(secrets.token_hex(16), institution, number)
        at = rocdate.now().replace(microsecond=0)
        part = signature_block.sign_part(key, block.message("30", at))
        facts = asdict(block)
        bodies.append(
            {
                "sSamid": facts["samId"],
                "sHospid": facts["hospitalId"],
                "sClientrandom": facts["clientRandom"],
                "sSignature": signature_block.pack(at, [part]),
                "sType": _KIND,
                "sPatData": base64.b64encode(content).decode(),
            }
        )
    return bodies


def _files(batch: Batch) -> Iterator[bytes]:
    """Each visit as a file of its own."""
    orders = batch.orders.partition_by("record", as_dict=True)
    for row in range(batch.visits.height):
        visit = batch.visits[row : row + 1]
        own = orders.get((visit["record"][0],), batch.orders.clear())
        first = pl.lit(1, pl.UInt32)
        yield write(
            Batch(
                batch.edition,
                visit.with_columns(record=first),
                own.with_columns(record=first, visit=pl.lit(0, pl.UInt32)),
            )
        )


def _send(bodies: list[dict[str, str]], senders: int, url: str, ca: Path) -> list[float]:
    """Seconds to the receipt of each upload; raises RuntimeError where one is refused."""
    waiting: SimpleQueue[dict[str, str]] = SimpleQueue()
    for body in bodies:
        waiting.put(body)
    seconds: list[float] = []
    refused: list[Any] = []

    def sender() -> None:
        with httpx.Client(base_url=url, verify=ssl.create_default_context(cafile=str(ca)), timeout=60) as client:
            while not refused:
                try:
                    body = waiting.get_nowait()
                except Empty:
                    return
                began = time.perf_counter()
                reply = client.post("/V2000/VNHI_Upload", json=body).json()
                seconds.append(time.perf_counter() - began)
                if reply["rtnCode"] != "0000":
                    refused.append(reply)

    threads = [threading.Thread(target=sender) for _ in range(senders)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if refused:
        raise RuntimeError(f"an upload was refused: {refused[0]}")
    return seconds


def _wait_until_checked(url: str, ca: Path, uploads: int) -> None:
    """Until the metrics say so; raises TimeoutError after ten minutes."""
    wanted = f'nhicard_submissions{{kind="{_KIND}",state="checked"}} {float(uploads)}'
    deadline = time.monotonic() + _WAITS
    with httpx.Client(base_url=url, verify=ssl.create_default_context(cafile=str(ca)), timeout=60) as client:
        while wanted not in client.get("/metrics").text:
            if time.monotonic() > deadline:
                raise TimeoutError("the uploads were not checked in time")
            time.sleep(0.2)


def main() -> None:
    """Command line of the module."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--uploads", type=int, default=2000)
    parser.add_argument("--senders", type=int, default=8)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="nhicard-load-") as folder:
        for name, value in run(chosen.uploads, chosen.senders, Path(folder)).items():
            print(f"{name:35} {value:10.1f}")  # noqa: T201  # what the command is for


if __name__ == "__main__":
    main()
