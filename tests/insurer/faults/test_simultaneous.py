"""Many senders and two workers at the same moment, against a database as in production."""

from __future__ import annotations

import random
from functools import partial
from threading import Barrier
from typing import Any

import pytest
from tests.insurer.faults.databases import Database, at_once
from tests.insurer.faults.driver import RUN_OUT, context, drain
from tests.insurer.faults.recount import require_each_checked_once
from tests.insurer.faults.uploads import receive_all, upload, uploads, visit

from nhicard.checks.context import Context
from nhicard.insurer.intake.models import Payload, Submission
from nhicard.insurer.intake.services import checking, claiming
from nhicard.insurer.intake.worker import Worker

SENDERS, UPLOADS = 8, 50
_of_files = checking.of_files


def test_the_same_uploads_by_eight_senders_have_one_receipt_each(database: Database) -> None:
    sent = uploads(UPLOADS)

    def send(seed: int) -> dict[bytes, str]:
        mine = random.Random(seed).sample(sent, len(sent))
        return {one.content: each.receipt for one, each in zip(mine, receive_all(mine), strict=True)}

    first, *others = at_once([partial(send, seed) for seed in range(SENDERS)])
    assert others == [first] * (SENDERS - 1)
    assert len(set(first.values())) == Submission.objects.count() == Payload.objects.count() == UPLOADS


def test_two_workers_check_nothing_twice(database: Database) -> None:
    receive_all(uploads(32))
    done = database.driven("together", 2)
    assert min(done) > 0, "both had their part"
    assert sum(done) == 32
    require_each_checked_once()


def test_of_records_of_one_key_in_two_workers_exactly_one_wins(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second worker writes between the first one's look at what is on record and its writing."""
    slow, fast = receive_all([upload(visit(1), visit(2)), upload(visit(2, "A18=0009"), visit(3))])
    monkeypatch.setattr(claiming, "BATCH_SUBMISSIONS", 1)
    first_look = iter([Worker(context).once])

    def of_files(*facts: Any) -> Any:
        for overtake in first_look:
            assert overtake() == 1
        return _of_files(*facts)

    monkeypatch.setattr(checking, "of_files", of_files)
    assert Worker(context).once() == 1
    require_each_checked_once()
    accepted = Submission.objects.values_list("accepted", flat=True)
    assert [accepted.get(pk=each.pk) for each in (slow, fast)] == [1, 2]


def test_workers_that_take_the_same_keys_in_opposite_order_do_not_block_each_other(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = range(400)
    receive_all([upload(*map(visit, keys)), upload(*(visit(key, "A18=0009") for key in reversed(keys)))])
    monkeypatch.setattr(claiming, "BATCH_SUBMISSIONS", 1)
    both_have_looked = Barrier(2)
    first_look = [None] * 2

    def of_files(*facts: Any) -> Any:
        if first_look:
            first_look.pop()
            both_have_looked.wait()
        return _of_files(*facts)

    monkeypatch.setattr(checking, "of_files", of_files)
    # one after the other, so that each has its own claim; they meet where they write
    assert at_once([Worker(context).once] * 2) == [1, 1]
    require_each_checked_once()


def test_a_worker_that_was_too_slow_leaves_the_submission_to_the_next(database: Database) -> None:
    receive_all(uploads(4))

    def slowly() -> Context:
        assert drain() == 4
        return context()

    Worker(slowly, lease=RUN_OUT).once()
    require_each_checked_once()


def test_the_failure_of_a_worker_that_was_too_slow_does_not_touch_the_result(database: Database) -> None:
    receive_all(uploads(1))
    Submission.objects.update(tries=2)

    def too_late() -> Context:
        Submission.objects.update(tries=0)  # the lease of the third try has run out, and a clinic sent it anew
        assert Worker(context).once() == 1
        raise RuntimeError

    Worker(too_late, lease=RUN_OUT).once()
    require_each_checked_once()
