"""Workers that end in the middle, by force or by request: nothing is lost, nothing is done twice."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

import pytest
from tests.insurer.faults.databases import Database
from tests.insurer.faults.driver import drain
from tests.insurer.faults.recount import require_each_checked_once
from tests.insurer.faults.uploads import DEADLY, NOON, UPLOADS, receive_all, upload, uploads, visit

from nhicard.insurer.intake.models import State, Submission
from nhicard.insurer.intake.services.receiving import Upload

KILLS: Final = 15
#: A batch of these uploads takes about as many statements, so that most moments lie within one.
STATEMENTS: Final = 45
ENDED: Final = "worker ended during the check"


def test_killed_at_any_statement_every_submission_is_checked_once(database: Database) -> None:
    sent = uploads(12)
    receive_all(sent)
    moments = random.Random(1)
    assert database.driven("kills", *(moments.randint(1, STATEMENTS) for _ in range(KILLS))) >= KILLS // 3
    drain()
    _send_anew_what_was_set_aside(sent)
    drain()
    require_each_checked_once()


def test_what_was_acknowledged_by_a_killed_receiver_is_kept(database: Database) -> None:
    moments = random.Random(2)
    answer = database.driven("receives", 0, *(moments.randint(1, STATEMENTS) for _ in range(KILLS)))
    assert answer["killed"] >= KILLS // 3
    assert set(answer["receipts"]) <= set(Submission.objects.values_list("receipt", flat=True))
    assert len(answer["receipts"]) > 0
    drain()
    require_each_checked_once()


@pytest.mark.soak
def test_two_hundred_kills(database: Database) -> None:
    chance, killed, first = random.Random(3), 0, 0
    given: set[str] = set()
    while killed < 200:
        moments = [[chance.randint(1, STATEMENTS) for _ in range(10)] for _ in range(2)]
        received = database.driven("receives", first, *moments[0])
        given |= set(received["receipts"])
        killed += received["killed"] + database.driven("kills", *moments[1])
        first += UPLOADS
    drain()
    for start in range(0, first, UPLOADS):
        receive_all(uploads(UPLOADS, start))
    drain()
    assert given <= set(Submission.objects.values_list("receipt", flat=True))
    require_each_checked_once()


def test_a_file_that_kills_every_worker_is_set_aside_after_three(database: Database) -> None:
    receive_all(uploads(8))
    (bad,) = receive_all([upload(visit(900, f"A31={DEADLY.decode()}"))])
    receive_all(uploads(12))
    assert database.driven("deadly") == 3
    bad.refresh_from_db()
    assert (bad.state, bad.tries, bad.trouble) == (State.SET_ASIDE, 3, ENDED)
    require_each_checked_once(aside=1)


def test_told_to_end_it_finishes_its_batch_and_leaves_the_rest(database: Database) -> None:
    today, tomorrow = receive_all(uploads(3)), receive_all([upload(visit(900))], NOON + timedelta(days=1))
    database.driven("terminated")
    assert {Submission.objects.get(pk=each.pk).state for each in today} == {State.CHECKED}
    (rest,) = (Submission.objects.get(pk=each.pk) for each in tomorrow)
    assert (rest.state, rest.claim, rest.tries) == (State.PENDING, "", 0)


def _send_anew_what_was_set_aside(sent: Sequence[Upload]) -> None:
    """One that was being checked at three kills counts as the cause; its clinic sends it anew."""
    aside = Submission.objects.filter(state=State.SET_ASIDE)
    assert set(aside.values_list("tries", "trouble")) <= {(3, ENDED)}
    before = Submission.objects.count()
    receive_all(sent)
    assert (Submission.objects.count(), aside.count()) == (before, 0)
