"""The services over HTTPS under senders that send again what was not acknowledged: killed, their database cut off."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from django.db import connections
from tests.insurer.faults.databases import Database, opened, own_server
from tests.insurer.faults.recount import require_each_checked_once
from tests.insurer.faults.services import (
    Body,
    Sam,
    Services,
    issue_sams,
    receipt_of,
    result_of,
    send_all,
    started,
)
from tests.insurer.faults.uploads import Scene, uploads

from nhicard.formats import rocdate
from nhicard.identity.keyring import KeyRing
from nhicard.insurer.intake.models import Payload, State, Submission

SENDERS: Final = 4
#: A SAM may send 600 uploads a minute.
UPLOADS_A_SAM: Final = 75
KILLS: Final = 100
CUTS: Final = 20
ENDED: Final = "worker ended during the check"


@pytest.mark.soak
def test_whatever_is_killed_every_acknowledged_upload_has_one_result(database: Database) -> None:
    """Web server, one of the processes that answer, and worker by turns."""
    with started(database.home, database.environment) as services:

        def kill(place: int, chance: random.Random) -> None:
            what = ("web", "worker", "child")[place % 3]
            if what == "worker":
                _wait_for_a_claim()
                time.sleep(chance.uniform(0, 0.1))
            services.kill(chance, what, _leases_run_out)

        _require_nothing_lost(services, kill, KILLS)


@pytest.mark.soak
def test_a_database_server_that_is_cut_off_and_recovers_loses_nothing_acknowledged(
    insurer_home: Path, django_db_blocker: Any
) -> None:
    with (
        own_server() as server,
        django_db_blocker.unblock(),
        opened(insurer_home, server.url) as database,
        started(database.home, database.environment) as services,
    ):

        def cut_off(_: int, chance: random.Random) -> None:
            _wait_for_a_claim()
            server.cut_off()
            connections.close_all()
            _leases_run_out()

        _require_nothing_lost(services, cut_off, CUTS)


@pytest.mark.parametrize("count", [20, pytest.param(1000, marks=pytest.mark.soak)])
def test_the_same_uploads_by_eight_senders_at_once_are_one_upload_each(database: Database, count: int) -> None:
    senders = 8
    with started(database.home, database.environment) as services:
        sams = issue_sams(services, -(-count // UPLOADS_A_SAM))
        bodies = [
            sams[place // UPLOADS_A_SAM].request(each)
            for place, each in enumerate(uploads(count, scene=_scene(services, sams)))
            for _ in range(senders)  # each of them signs for itself
        ]
        random.Random(4).shuffle(bodies)
        sent = send_all(services, bodies, senders)
        one_of_each = {receipt: body for body, receipt in sent}
        _require_results(services, sams, [(body, receipt) for receipt, body in one_of_each.items()])
    assert len({(body["sPatData"], receipt) for body, receipt in sent}) == count == len(one_of_each)
    assert Submission.objects.count() == Payload.objects.count() == count
    require_each_checked_once()


def _require_nothing_lost(services: Services, trouble: Callable[[int, random.Random], None], times: int) -> None:
    """Under several senders there is trouble so many times, at random moments; then each upload has one result."""
    sams = issue_sams(services, 2)
    over = threading.Event()

    def troubles() -> None:
        chance = random.Random(5)
        try:
            for place in range(times):
                if over.wait(chance.uniform(0.1, 1.2)):
                    return
                trouble(place, chance)
        finally:
            over.set()
            connections.close_all()

    with ThreadPoolExecutor(1) as beside:
        troubled = beside.submit(troubles)
        try:
            requests = _until(over, sams, _scene(services, sams), at_least=5 * times)
            sent = send_all(services, requests, SENDERS, pause=0.1)
        finally:
            over.set()
        troubled.result()
    connections.close_all()  # those of before the trouble
    _require_results(services, sams, sent)
    assert len({receipt for _, receipt in sent}) == len(sent) == Submission.objects.count()
    require_each_checked_once()


def _wait_for_a_claim() -> None:
    """Until the worker has something in its hands, if it soon does."""
    for _ in range(200):
        if Submission.objects.exclude(claim="").exists():
            return
        time.sleep(0.01)


def _leases_run_out() -> None:
    """What was claimed is free for the next worker, as a minute later."""
    claimed = Submission.objects.exclude(claimed_until=None)
    claimed.update(claimed_until=rocdate.now() - timedelta(seconds=1))


def _until(over: threading.Event, sams: Sequence[Sam], scene: Scene, at_least: int) -> Iterator[Body]:
    """Requests until the killing is over."""
    number = 0
    while number < at_least or not over.is_set():
        (one,) = uploads(1, number, scene)
        yield sams[number % len(sams)].request(one)
        number += 1


def _require_results(services: Services, sams: Sequence[Sam], sent: Sequence[tuple[Body, str]]) -> None:
    """Every receipt leads to a result; what was being checked at three kills, its clinic signs and sends anew."""
    by_number = {sam.number: sam for sam in sams}
    with services.client() as client:
        for body, receipt in sent:
            assert result_of(client, by_number[body["sSamid"]], receipt)
        aside = Submission.objects.filter(state=State.SET_ASIDE)
        assert set(aside.values_list("tries", "trouble")) <= {(3, ENDED)}
        receipts = set(aside.values_list("receipt", flat=True))
        for body, receipt in sent:
            if receipt in receipts:
                sam = by_number[body["sSamid"]]
                assert receipt_of(client, body | sam.block()) == receipt
                assert result_of(client, sam, receipt)


def _scene(services: Services, sams: Sequence[Sam]) -> Scene:
    """Yesterday at the clinic's desk."""
    yesterday = rocdate.now().date() - timedelta(days=1)
    keys = KeyRing.load(services.home / "keys" / "identifier-keys.json")
    return Scene(rocdate.format_date(yesterday), sams[0].number, keys)
