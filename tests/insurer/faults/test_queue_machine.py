"""The queue against a model of it: uploads, the same ones again, claims, deaths of workers, clocks that move."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, consumes, invariant, precondition, rule
from tests.insurer.faults.driver import context
from tests.insurer.faults.machines import OnDatabase, run
from tests.insurer.faults.recount import require_each_checked_once
from tests.insurer.faults.uploads import NOON, upload, visit

from nhicard.insurer.intake.models import State, Submission
from nhicard.insurer.intake.services import claiming, receiving, turns
from nhicard.insurer.intake.worker import LostClaim, Worker

#: Uploads by number: 0 to 3 have a record of their own, 4 to 7 one that they share, 8 and 9 only a wrong one.
CONTENTS = range(10)


def _upload(number: int) -> receiving.Upload:
    if number < 4:
        return upload(visit(number))
    return upload(visit(100, f"A18={number:04}")) if number < 8 else upload(visit(200 + number, "A31=many"))


def _key(number: int) -> int | None:
    """What the upload claims; None where it is wrong."""
    return number if number < 4 else 100 if number < 8 else None


@dataclass
class Waiting:
    """An upload as the model knows it."""

    number: int
    receipt: str
    pk: int
    size: int
    received_at: datetime
    due: datetime
    state: str = State.PENDING
    tries: int = 0
    claim: object = None
    until: datetime | None = None
    accepted: bool = False


@dataclass
class Claimed:
    """What one worker has in its hands. Two are the same only if they are one."""

    submissions: list[Submission]
    of: list[Waiting]
    token: object = field(default_factory=object)


class Queue(OnDatabase):
    """One sender's uploads; ``due`` of each is what its turn must be (``turns``)."""

    claims: Bundle[Claimed] = Bundle("claims")

    def __init__(self) -> None:
        super().__init__()
        self.known: dict[int, Waiting] = {}
        self.in_force: set[int] = set()

    @rule(number=st.sampled_from(CONTENTS))
    def receive(self, number: int) -> None:
        wanted = _upload(number)
        due, size = self._turn(), len(wanted.content)
        submission = receiving.receive(wanted, self.now)
        mine = self.known.get(number)
        if mine is None:
            assert submission.receipt not in {each.receipt for each in self.known.values()}
            self.known[number] = Waiting(number, submission.receipt, submission.pk, size, self.now, due)
            return
        assert (submission.receipt, submission.pk) == (mine.receipt, mine.pk)
        if mine.state == State.SET_ASIDE or (mine.state == State.CHECKED and not mine.accepted):
            mine.state, mine.tries, mine.claim, mine.until, mine.due = State.PENDING, 0, None, None, due

    def _turn(self) -> datetime:
        """Behind the last of those that wait and nobody has begun with."""
        waiting = [each for each in self.known.values() if each.state == State.PENDING and not each.tries]
        last = max(waiting, key=lambda each: (each.due, each.pk), default=None)
        return max(self.now, last.due + turns.takes(last.size)) if last else self.now

    @rule(hours=st.sampled_from([-30, -5, -1, 1, 5, 30]))
    def move_the_clock(self, hours: int) -> None:
        """Within the days in which the visits are neither in the future nor too old."""
        self.now = min(max(self.now + timedelta(hours=hours), NOON - timedelta(days=3)), NOON + timedelta(days=3))

    @rule(minutes=st.integers(1, 3))
    def time_passes(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    @rule(target=claims)
    def claim(self) -> Claimed:
        return self._claimed()

    def _claimed(self) -> Claimed:
        expected = self._due()
        claimed = claiming.claim(self.now)
        assert [each.pk for each in claimed] == [each.pk for each in expected]
        mine = Claimed(claimed, expected)
        for each in expected:
            each.claim, each.until, each.tries = mine.token, self.now + claiming.LEASE, each.tries + 1
        return mine

    def _due(self) -> list[Waiting]:
        longest = claiming._LONGEST
        free = [
            each
            for each in self.known.values()
            if each.state == State.PENDING and (each.until is None or not self.now <= each.until <= self.now + longest)
        ]
        new = sorted((each for each in free if not each.tries), key=lambda each: (each.due, each.pk))
        if new:
            day = new[0].received_at.date()
            return sorted((each for each in new if each.received_at.date() == day), key=lambda each: each.pk)
        for each in sorted(free, key=lambda each: (each.tries, each.pk)):
            if each.tries < claiming.TRIES:
                return [each]
            each.state, each.claim = State.SET_ASIDE, None
        return []

    @rule(mine=claims)
    def settle(self, mine: Claimed) -> None:
        """The worker comes to its end; perhaps for the second time, perhaps much too late."""
        if mine.submissions:
            self._settle(mine)

    def _settle(self, mine: Claimed) -> None:
        if not self._holds(mine):
            with pytest.raises(LostClaim):
                Worker(context)._check_and_write(self._anew(mine))
            return
        Worker(context)._check_and_write(self._anew(mine))
        self._settled(mine)

    @rule(mine=claims, statement=st.integers(1, 40))
    def die_while_settling(self, mine: Claimed, statement: int) -> None:
        """The connection is lost at a statement; where the worker needs fewer, it has come to its end before."""
        if not mine.submissions or not self._holds(mine):
            return
        left = [statement]

        def lose(run: Any, *facts: Any) -> Any:
            left[0] -= 1
            if left[0] == 0:
                raise OperationalError("server closed the connection unexpectedly")
            return run(*facts)

        try:
            with connection.execute_wrapper(lose):
                Worker(context)._check_and_write(self._anew(mine))
        except OperationalError:
            return
        self._settled(mine)

    def _settled(self, mine: Claimed) -> None:
        for each in mine.of:
            key = _key(each.number)
            each.accepted = key is not None and key not in self.in_force
            if key is not None:
                self.in_force.add(key)
            each.state, each.claim, each.until = State.CHECKED, None, None

    @rule(mine=consumes(claims))
    def give_back(self, mine: Claimed) -> None:
        if not mine.submissions:
            return
        claiming.give_back(mine.submissions)
        for each in self._still(mine):
            each.claim, each.until, each.tries = None, None, each.tries - 1

    @rule(mine=consumes(claims))
    def release(self, mine: Claimed) -> None:
        if not mine.submissions:
            return
        claiming.release(mine.submissions, "ZeroDivisionError")
        for each in self._still(mine):
            each.claim = None
            if each.tries >= claiming.TRIES:
                each.state = State.SET_ASIDE
            else:
                each.until = None

    def _still(self, mine: Claimed) -> list[Waiting]:
        return [each for each in mine.of if each.state == State.PENDING and each.claim is mine.token]

    def _holds(self, mine: Claimed) -> bool:
        return len(self._still(mine)) == len(mine.of)

    @staticmethod
    def _anew(mine: Claimed) -> list[Submission]:
        """As the worker got them: what another one wrote since it does not see."""
        return [
            Submission(**{f.attname: getattr(each, f.attname) for f in each._meta.fields}) for each in mine.submissions
        ]

    @invariant()
    def the_queue_is_as_the_model_says(self) -> None:
        rows = {each.pk: each for each in Submission.objects.all()}
        assert rows.keys() == {each.pk for each in self.known.values()}
        for each in self.known.values():
            row = rows[each.pk]
            told = (row.state, row.tries, bool(row.claim), row.receipt)
            assert told == (each.state, each.tries, each.claim is not None, each.receipt), each
            if each.state == State.CHECKED:
                assert (row.records, row.accepted) == (1, int(each.accepted)), each

    @precondition(lambda self: self.in_force)
    @rule()
    def drain(self) -> None:
        """A worker works until nothing is free; where nothing is left, the payloads must bear out what is on record."""
        while (mine := self._claimed()).submissions:
            self._settle(mine)
        if all(each.state != State.PENDING for each in self.known.values()):
            require_each_checked_once(aside=sum(each.state == State.SET_ASIDE for each in self.known.values()))


@pytest.mark.django_db
def test_the_queue_does_what_its_model_does(insurer_home: object) -> None:
    run(Queue, examples=5, steps=20)
