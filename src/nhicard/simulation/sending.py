"""The institutions' programs: signed requests made before the clock runs, sent when it is time, until acknowledged."""

from __future__ import annotations

import base64
import hashlib
import queue
import secrets
import ssl
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx
import polars as pl
from cryptography.hazmat.primitives.asymmetric import ec

from nhicard.formats import rocdate
from nhicard.formats.batch import Batch
from nhicard.formats.writer import write
from nhicard.identity import signature_block
from nhicard.identity.signature_block import Block

_AGAIN: Final = frozenset({"8201", "9999"})
_PAUSE: Final = 0.5
_PATIENCE: Final = 300.0


@dataclass(frozen=True, slots=True)
class Sam:
    """An institution's security module."""

    number: str
    key: ec.EllipticCurvePrivateKey


@dataclass(slots=True)
class Sent:
    """An upload: when it is due (second of the run), its request, and what became of it.

    ``begun`` and ``acknowledged`` are readings of the monotonic clock; ``tries`` counts requests.
    """

    at: float
    body: dict[str, str]
    digest: bytes
    records: int
    repeated: bool
    receipt: str = ""
    begun: float = 0.0
    acknowledged: float = 0.0
    tries: int = 0
    others: set[str] = field(default_factory=set)


def prepared(uploads: pl.DataFrame, told: dict[str, Batch], sams: dict[str, Sam]) -> list[Sent]:
    """The requests of a day's uploads. ``told``: the same visits in each edition."""
    edition_of = {"A1": "2.0", "A2": "2.0", "B1": "1.0"}
    orders = {edition: batch.orders.partition_by("visit", as_dict=True) for edition, batch in told.items()}
    made = []
    for at, institution, kind, rows, repeated in uploads.iter_rows():
        edition = edition_of[kind]
        content = write(_file(told[edition], orders[edition], rows))
        body = _signed(sams[institution], institution) | {
            "sType": kind,
            "sPatData": base64.b64encode(content).decode(),
        }
        made.append(Sent(at, body, hashlib.sha256(content).digest(), len(rows), repeated))
    return made


def _file(batch: Batch, orders: dict[tuple[Any, ...], pl.DataFrame], rows: Sequence[int]) -> Batch:
    """These visits as a file of their own."""
    none = batch.orders.clear()
    visits = batch.visits[list(rows)].with_columns(record=pl.int_range(1, len(rows) + 1, dtype=pl.UInt32))
    parts = [
        orders.get((row,), none).with_columns(
            visit=pl.lit(place, dtype=pl.UInt32), record=pl.lit(place + 1, dtype=pl.UInt32)
        )
        for place, row in enumerate(rows)
    ]
    return Batch(batch.edition, visits, pl.concat(parts))


def _signed(sam: Sam, institution: str) -> dict[str, str]:
    block, at = Block(secrets.token_hex(16), institution, sam.number), rocdate.now().replace(microsecond=0)
    part = signature_block.sign_part(sam.key, block.message("30", at))
    return {
        "sSamid": sam.number,
        "sHospid": institution,
        "sClientrandom": block.clientRandom,
        "sSignature": signature_block.pack(at, [part]),
    }


def send_all(uploads: Sequence[Sent], senders: int, url: str, ca: Path, start: float) -> None:
    """Send each at its time (``start`` is second 0 on the monotonic clock) until it has a receipt.

    Raises RuntimeError where one is refused for good, or not taken within five minutes.
    """
    waiting: queue.PriorityQueue[tuple[float, int]] = queue.PriorityQueue()
    for place, each in enumerate(uploads):
        waiting.put((each.at, place))
    troubles: list[str] = []

    def program() -> None:
        with httpx.Client(base_url=url, verify=ssl.create_default_context(cafile=str(ca)), timeout=60) as client:
            for at, place in _in_time(waiting, start):
                if troubles:
                    return
                trouble = _try(client, uploads[place])
                late = time.monotonic() - start - uploads[place].at
                if trouble and (late > _PATIENCE or trouble not in _AGAIN):
                    troubles.append(trouble)
                elif trouble:
                    waiting.put((max(at, time.monotonic() - start) + _PAUSE, place))

    threads = [threading.Thread(target=program) for _ in range(senders)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if troubles:
        raise RuntimeError(f"an upload was not taken: {troubles[0]}")


def _in_time(waiting: queue.PriorityQueue[tuple[float, int]], start: float) -> Iterator[tuple[float, int]]:
    while True:
        try:
            at, place = waiting.get_nowait()
        except queue.Empty:
            return
        time.sleep(max(0.0, start + at - time.monotonic()))
        yield at, place


def _try(client: httpx.Client, upload: Sent) -> str:
    """One request, or the same twice where the first receipt is lost; why there is no receipt, empty where there is."""
    for _ in range(1 + upload.repeated):
        upload.begun = upload.begun or time.monotonic()
        upload.tries += 1
        try:
            reply = client.post("/V2000/VNHI_Upload", json=upload.body).json()
        except (httpx.TransportError, ValueError):
            return "9999"  # nobody knows whether it was received
        if reply["rtnCode"] != "0000":
            return str(reply["rtnCode"])
        upload.others.add(str(reply["opCode"]))
        upload.receipt = upload.receipt or str(reply["opCode"])
        upload.acknowledged = upload.acknowledged or time.monotonic()
    return ""
