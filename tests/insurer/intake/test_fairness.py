"""Whoever has a backlog waits behind himself; a single upload of somebody else comes soon, whatever waits before it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nhicard.insurer.intake.kinds import KINDS, Channel
from nhicard.insurer.intake.models import State, Submission
from nhicard.insurer.intake.services import claiming, receiving, turns
from nhicard.insurer.intake.services.receiving import Upload

NOON = datetime(2023, 10, 20, 12)
HOSPITAL, CLINIC = "1101100011", "3501200000"
#: Kinds that are not checked together: each may go once before a clinic's own kind is the first.
GROUPS = len(KINDS)

pytestmark = pytest.mark.django_db
on_one_database = settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def sent(institution: str, number: int, size: int, now: datetime, kind: str = "B1") -> Submission:
    content = f"{institution} {number} ".encode().ljust(size, b".")
    return receiving.receive(Upload(institution, "SAM000000001", Channel.WEB_API, kind, content), now)


def claimed_turn_by_turn(now: datetime) -> Iterator[list[Submission]]:
    """What a worker takes, and is done with before it takes more."""
    while taken := claiming.claim(now):
        Submission.objects.filter(pk__in=[each.pk for each in taken]).update(state=State.CHECKED)
        yield taken


def most_turns(later: timedelta, largest: int) -> int:
    """How many turns may go before: what the backlog's sender may count on since then, and each kind's once."""
    bytes_due = later.total_seconds() * turns.PACE + largest
    return GROUPS + 1 + int(bytes_due // (turns.BATCH_BYTES - largest)) + 1


@on_one_database
@given(
    backlog=st.lists(
        st.tuples(st.sampled_from(sorted(KINDS)), st.sampled_from([300, 20_000, 900_000])), min_size=5, max_size=40
    ),
    later=st.timedeltas(timedelta(), turns.MOST_LATE),
    kind=st.sampled_from(sorted(KINDS)),
)
def test_a_later_upload_of_another_is_checked_within_few_turns(
    backlog: list[tuple[str, int]], later: timedelta, kind: str
) -> None:
    with transaction.atomic():
        for number, (its_kind, size) in enumerate(backlog):
            sent(HOSPITAL, number, size, NOON, its_kind)
        now = NOON + later
        single = sent(CLINIC, 0, 1500, now, kind)
        order = list(claimed_turn_by_turn(now))
        place = next(turn for turn, taken in enumerate(order) if single in taken)
        assert place < most_turns(later, max(size for _, size in backlog))
        assert sum(map(len, order)) == len(backlog) + 1
        transaction.set_rollback(True)


def test_the_length_of_a_backlog_does_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    """By one upload a turn: without turns the clinic would be the 201st."""
    monkeypatch.setattr(claiming, "BATCH_SUBMISSIONS", 1)
    for number in range(200):
        sent(HOSPITAL, number, 1500, NOON)
    sent(CLINIC, 0, 1500, NOON + timedelta(seconds=3))
    senders = [taken[0].institution for taken in claimed_turn_by_turn(NOON + timedelta(seconds=3))]
    assert senders.index(CLINIC) == 4  # those of the hospital that were due in these three seconds
    assert senders.count(HOSPITAL) == 200


def test_two_backlogs_take_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claiming, "BATCH_SUBMISSIONS", 1)
    for institution in (HOSPITAL, CLINIC):
        for number in range(10):
            sent(institution, number, 1500, NOON)
    senders = [taken[0].institution for taken in claimed_turn_by_turn(NOON)]
    assert senders == [HOSPITAL, CLINIC] * 10


def test_nobody_is_overtaken_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is due goes before all that comes later, be its sender's first or not."""
    monkeypatch.setattr(claiming, "BATCH_SUBMISSIONS", 1)
    for number in range(3):
        sent(HOSPITAL, number, 1500, NOON)
    for number in range(20):
        sent(f"35{number:08}", 0, 1500, NOON + timedelta(minutes=1))
    senders = [taken[0].institution for taken in claimed_turn_by_turn(NOON + timedelta(minutes=1))]
    assert senders[:3] == [HOSPITAL] * 3


def test_a_batch_is_in_the_order_in_which_it_came() -> None:
    """Of one sender as of all: a correction stands behind what it corrects."""
    for number in range(3):
        sent(HOSPITAL, number, 1500, NOON)
    sent(CLINIC, 0, 1500, NOON + timedelta(milliseconds=1))
    (taken,) = claimed_turn_by_turn(NOON)
    assert [each.pk for each in taken] == sorted(each.pk for each in taken)
    assert len(taken) == 4


def test_kinds_by_turns_still_make_large_batches() -> None:
    """Two editions that arrive mixed are two batches, not as many as there are uploads."""
    for number in range(40):
        sent(f"35{number:08}", 0, 1500, NOON, "A2" if number % 2 else "B1")
    assert [len(taken) for taken in claimed_turn_by_turn(NOON)] == [20, 20]


def test_a_single_sender_gets_whole_batches() -> None:
    """Turns keep nobody waiting while nobody else is there."""
    for number in range(30):
        sent(HOSPITAL, number, 1500, NOON)
    assert [len(taken) for taken in claimed_turn_by_turn(NOON)] == [30]
