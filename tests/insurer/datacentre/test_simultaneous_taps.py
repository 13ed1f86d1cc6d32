"""Two readers tap one card at the same moment, against a database file as in production."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from django.test import Client
from tests.insurer.desk import NOW, Desk, newly_opened, uses_left
from tests.insurer.faults import databases

from nhicard.insurer import clock
from nhicard.insurer.datacentre.models import SequenceCounter, Treatment

TAPS_A_READER = 5
READERS = 2


@pytest.fixture
def readers(insurer_home: Path, django_db_setup: None, django_db_blocker: Any) -> Iterator[ThreadPoolExecutor]:
    """Threads whose connections go to a database with the settings of production."""
    with django_db_blocker.unblock(), databases.threads(insurer_home, READERS) as pool:
        yield pool


def test_no_two_taps_share_a_number_and_no_use_is_lost(
    readers: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = readers.submit(newly_opened, Client(), monkeypatch).result()
    seconds = itertools.count(1)
    monkeypatch.setattr(clock, "now", lambda: NOW + timedelta(seconds=next(seconds)))  # no two taps in one second
    barrier = Barrier(READERS)
    tapping = [readers.submit(_tap, desk, barrier) for _ in range(READERS)]
    replies = [reply for reader in tapping for reply in reader.result()]

    given = sorted(reply["sequenceNumber"] for reply in replies if reply["statusCode"] in (0, 5010))
    assert given == [f"{n:04}" for n in range(1, 7)], "six uses, six numbers"
    assert sorted(reply["statusCode"] for reply in replies if not reply["sequenceNumber"]) == [3213] * 4
    assert _in(readers, lambda: uses_left(desk.hc)) == 0
    assert _in(readers, Treatment.objects.count) == 6
    assert _in(readers, lambda: SequenceCounter.objects.get().last) == 6


def test_one_signature_serves_one_of_two_callers(readers: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = readers.submit(newly_opened, Client(), monkeypatch).result()
    barrier = Barrier(READERS)
    bodies = [desk.block("SAM HC", "01") for _ in range(TAPS_A_READER)]

    def read() -> list[int]:
        barrier.wait()
        return [
            Client().post("/api/v1/BasicData/Query", body, "application/json").json()["statusCode"] for body in bodies
        ]

    one, two = [readers.submit(read) for _ in range(READERS)]
    assert [sorted(pair) for pair in zip(one.result(), two.result(), strict=True)] == [[0, 3245]] * TAPS_A_READER


def _tap(desk: Desk, barrier: Barrier) -> list[dict[str, Any]]:
    barrier.wait()
    own = Desk(Client(), desk.sam, desk.hc, desk.hpc, desk.monkeypatch)
    return [own.tap() for _ in range(TAPS_A_READER)]


def _in(threads: ThreadPoolExecutor, ask: Callable[[], int]) -> int:
    return threads.submit(ask).result()
