"""A server's clock that is put forward or back: no submission is kept from being checked, no receipt is given twice."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.insurer.faults.databases import Database
from tests.insurer.faults.driver import context
from tests.insurer.faults.recount import require_each_checked_once
from tests.insurer.faults.uploads import NOON, receive_all, upload, uploads, visit

from nhicard.checks.context import Context
from nhicard.insurer import clock
from nhicard.insurer.intake.models import State, Submission
from nhicard.insurer.intake.services import claiming, results
from nhicard.insurer.intake.worker import Worker

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
WEB_RESULT = timedelta(days=3)


class Clock:
    """What ``clock.now`` shows."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.shows = NOON
        monkeypatch.setattr(clock, "now", lambda: self.shows)


@pytest.fixture
def moved(database: Database, monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


@pytest.mark.parametrize(
    ("received", "claimed", "settled"),
    [(-5 * HOUR, 0 * HOUR, 5 * HOUR), (5 * HOUR, 0 * HOUR, -5 * HOUR), (0 * HOUR, 5 * HOUR, -5 * HOUR)],
    ids=["forward", "back", "forward and back"],
)
def test_received_claimed_and_settled_by_different_clocks(
    moved: Clock, received: timedelta, claimed: timedelta, settled: timedelta
) -> None:
    moved.shows = NOON + received
    receipts = {each.receipt for each in receive_all(uploads(3), moved.shows)}

    def meanwhile() -> Context:
        moved.shows = NOON + settled
        return context()

    moved.shows = NOON + claimed
    assert Worker(meanwhile).once() == 3
    require_each_checked_once()
    for each in Submission.objects.all():
        checked = NOON + max(received, settled)
        assert (each.checked_at, each.result_until) == (checked, checked + WEB_RESULT)
        results.require_ready(each, NOON + settled)
    again = receive_all(uploads(3), NOON - DAY)
    assert {each.receipt for each in again} == receipts


@pytest.mark.parametrize("ahead", [HOUR, 400 * DAY])
def test_the_claim_of_a_worker_whose_clock_was_ahead_does_not_last_so_long(moved: Clock, ahead: timedelta) -> None:
    receive_all(uploads(3))
    moved.shows = NOON + ahead
    assert len(claiming.claim(moved.shows)) == 3  # and then it dies
    moved.shows = NOON
    assert _drained() == 3
    require_each_checked_once()


def test_a_claim_of_the_moment_is_respected_however_large_its_file(moved: Clock) -> None:
    receive_all(uploads(1))
    Submission.objects.update(size=160 << 20)
    (claimed,) = claiming.claim(NOON)
    assert claimed.claimed_until is not None
    assert claimed.claimed_until - NOON > 10 * claiming.LEASE
    for moment in (NOON, NOON + 5 * claiming.LEASE, claimed.claimed_until):
        assert claiming.claim(moment) == []
    assert claiming.claim(claimed.claimed_until + timedelta(seconds=1)) == [claimed]


@pytest.mark.parametrize("shift", [-5 * HOUR, 5 * HOUR])
def test_a_worker_that_lost_its_claim_to_another_clock_writes_nothing(moved: Clock, shift: timedelta) -> None:
    receive_all(uploads(3))

    def meanwhile() -> Context:
        moved.shows = NOON + shift
        assert _drained() == 3
        return context()

    assert Worker(meanwhile).once() == 3
    require_each_checked_once()


def test_receipts_of_a_second_that_comes_twice_are_different(database: Database) -> None:
    sent = [upload(visit(number)) for number in range(60)]
    first, second = receive_all(sent[:30], NOON), receive_all(sent[30:], NOON)
    assert len({each.receipt for each in [*first, *second]}) == 60
    assert {each.receipt[:14] for each in second} == {f"{NOON:%Y%m%d%H%M%S}"}


def _drained() -> int:
    works = Worker(context)
    done = 0
    while more := works.once():
        done += more
    assert not Submission.objects.filter(state=State.PENDING).exists()
    return done
