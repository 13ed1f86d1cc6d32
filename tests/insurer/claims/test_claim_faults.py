"""The same file by many at once, workers at once, and a worker that is killed between taking a file and its result."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest
from tests.insurer.claims import offices
from tests.insurer.claims.offices import NOW
from tests.insurer.faults.databases import Database, at_once, opened
from tests.insurer.portal import people

from nhicard.formats.claims import write
from nhicard.insurer import clock
from nhicard.insurer.claims.models import ClaimFile, ClaimFinding, ClaimMonth, Content, State
from nhicard.insurer.claims.services import checking, receiving

_ROOT: Final = Path(__file__).parents[3]
SENDERS: Final = 6
#: When the file has been read, and within the transaction of the result, its findings written.
MOMENTS: Final = ('FROM "claims_content"', "1", 'UPDATE "claims_claimfile"', "2")


@pytest.fixture
def database(insurer_home: Path, django_db_blocker: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    """Committed for real, seen by other processes and threads."""
    monkeypatch.setattr(clock, "now", lambda: NOW)
    with django_db_blocker.unblock(), opened(insurer_home) as database:
        yield database


def drain() -> int:
    """How many files a worker checked until nothing was left."""
    done = 0
    while checking.work(NOW):
        done += 1
    return done


def test_many_senders_and_two_workers_at_once(database: Database) -> None:
    """The same file is one, different files of one month have different turns, and each is checked once."""
    made, place = offices.claims(), offices.institution()
    users = [people.user("clerk", institution=place) for _ in range(SENDERS)]
    receive = partial(receiving.receive, place, "TOTFA.xml")
    same = at_once([partial(receive, write(made), user, NOW) for user in users])
    assert len({each.file.pk for each in same}) == 1
    assert sum(each.is_new for each in same) == 1
    assert (ClaimFile.objects.count(), Content.objects.count(), ClaimMonth.objects.get().steps.count()) == (1, 1, 1)
    others = [offices.with_totals(made, claim_day=f"11505{day:02}") for day in range(1, SENDERS)]
    at_once([partial(receive, content, user, NOW) for content, user in zip(others, users, strict=False)])
    assert sorted(ClaimFile.objects.values_list("turn", flat=True)) == list(range(1, SENDERS + 1))
    assert ClaimMonth.objects.count() == 1
    assert sum(at_once([drain, drain])) == SENDERS
    assert set(ClaimFile.objects.values_list("tries", flat=True)) == {1}


def test_a_worker_killed_between_taking_and_result_loses_and_doubles_nothing(database: Database) -> None:
    file = offices.sent(write(offices.claims()), check=False)
    found = checking.checked(receiving.content_of(file), file)
    command = [sys.executable, "-m", "tests.insurer.claims.killed_checker", *MOMENTS]
    done = subprocess.run(command, env=database.environment, cwd=_ROOT, stdout=subprocess.PIPE, check=True)
    assert int(done.stdout) == 2
    file.refresh_from_db()
    assert (file.state, ClaimFinding.objects.count()) == (State.CHECKING, 0)
    assert checking.work(NOW + timedelta(hours=9)) == 1
    file.refresh_from_db()
    assert (file.state, file.tries, ClaimFinding.objects.count()) == (State.REJECTED, 3, found.frame.height)
    steps = ClaimMonth.objects.get().steps.order_by("number")
    assert [step.state for step in steps] == ["received", *["checking"] * 3, "rejected"]
