"""The outbox against a model of what the institution wants to have said: whatever goes wrong on the way, in the end the
insurer holds that, and nothing was sent as new twice."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Final

import polars as pl
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from tests.institution.agent.model_insurer import WRONG, ModelInsurer
from tests.institution.agent.world import NOW, good_visits, not_ready, refused, silent, with_value

from nhicard.institution.agent import Agent, Policy
from nhicard.institution.agent.sending import Pauses
from nhicard.institution.outbox import Outbox, take, withdraw

VISITS: Final = 3
DIAGNOSES: Final = ("J069", "E119", WRONG)
_QUIET: Final = timedelta(hours=1)
#: Turns after which nothing is left to do, an hour apart: longer than the patience for a result.
_LAST_TURNS: Final = 80


class Killed(BaseException):
    """The process ends here."""


class Mortal(Outbox):
    """One whose process ends in its n-th transaction: at its beginning (odd moments) or instead of its COMMIT."""

    moment = 0

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Cursor]:
        self.moment -= 2
        if self.moment == -1:
            raise Killed
        with super().writing() as cursor:
            yield cursor
            if self.moment == 0:
                raise Killed


def die() -> None:
    raise Killed


MOODS: Final[dict[str, Callable[[], None]]] = {
    "well": lambda: None,
    "silent": silent,
    "busy": refused("9999"),
    "not ready": not_ready,
    "deadly": die,
}
_MOSTLY_WELL: Final = st.sampled_from(["well"] * 4 + sorted(MOODS))


class Sending(RuleBasedStateMachine):
    """``told``: by visit the diagnosis last handed over, None where it is taken back."""

    def __init__(self) -> None:
        super().__init__()
        self._folder = tempfile.TemporaryDirectory(prefix="nhicard-outbox-")
        self.insurer = ModelInsurer()
        self.now = NOW
        self.told: dict[int, str | None] = {}
        self._open()

    def _open(self) -> None:
        self.outbox = Mortal(Path(self._folder.name) / "outbox.sqlite3")
        policy = Policy(hold=False, pauses=Pauses(chance=lambda: 1.0))
        self.agent = Agent(self.outbox, self.insurer, policy=policy)  # type: ignore[arg-type]

    @contextmanager
    def _mortal(self, moment: int) -> Iterator[None]:
        """What is done within may end at any transaction; then a new process opens the file."""
        self.outbox.moment = moment
        try:
            yield
        except Killed:
            self.outbox.close()
            self._open()
        self.outbox.moment = 0

    @initialize(diagnoses=st.tuples(*[st.sampled_from(DIAGNOSES)] * VISITS))
    def begin(self, diagnoses: tuple[str, ...]) -> None:
        """A morning's visits, and a first attempt at sending them."""
        for row, diagnosis in enumerate(diagnoses):
            self.hand_over(row, diagnosis)
        self.agent.turn(self.now)

    @rule(row=st.integers(0, VISITS - 1), diagnosis=st.sampled_from(DIAGNOSES))
    def hand_over(self, row: int, diagnosis: str) -> None:
        visits = with_value(good_visits(VISITS), row, principal_diagnosis=diagnosis)
        take(self.outbox, visits.part(pl.Series([row])), self.now)
        self.told[row] = diagnosis

    @rule(row=st.integers(0, VISITS - 1))
    def take_back(self, row: int) -> None:
        known = withdraw(self.outbox, [_key(row)], self.now)
        assert known == (self.told.get(row) is not None)
        if row in self.told:
            self.told[row] = None

    @rule(
        before=_MOSTLY_WELL, after=_MOSTLY_WELL, results=_MOSTLY_WELL, moment=st.sampled_from([0] * 16 + [*range(16)])
    )
    def turn(self, before: str, after: str, results: str, moment: int) -> None:
        """``not ready`` is no answer to an upload: there it is as if nobody answered."""
        self.insurer.before, self.insurer.after = (
            silent if mood == "not ready" else MOODS[mood] for mood in (before, after)
        )
        self.insurer.before_result = MOODS[results]
        with self._mortal(moment):
            self.agent.turn(self.now)

    @rule(minutes=st.sampled_from([1, 20, 70, 3000]))
    def time_passes(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    @invariant()
    def nothing_that_was_handed_over_is_lost(self) -> None:
        rows = dict(self.outbox.rows("SELECT key, withdrawn_at IS NULL FROM visit"))
        assert rows == {_key(row): int(told is not None) for row, told in self.told.items()}

    @invariant()
    def nothing_is_sent_as_new_twice(self) -> None:
        """But where no result came in days: then the second is answered as a duplicate, which is as good."""
        if not self.outbox.rows("SELECT 1 FROM upload WHERE state = 'unanswered'"):
            assert self.insurer.repeats == 0

    def teardown(self) -> None:
        """All is well from here on, and in the end everything is said."""
        try:
            self.insurer.before = self.insurer.after = self.insurer.before_result = MOODS["well"]
            for _ in range(_LAST_TURNS):
                self.now += _QUIET
                if not self.agent.turn(self.now) and not self.outbox.rows(_OPEN):
                    break
            assert not self.outbox.rows(_OPEN), "something is still under way"
            self._require_said()
        finally:
            self.outbox.close()
            self._folder.cleanup()

    def _require_said(self) -> None:
        held = {kind: {key[1]: value for key, value in mine.items()} for kind, mine in self.insurer.in_force.items()}
        persons = good_visits(VISITS).visits["patient_id"].to_list()
        for row, told in self.told.items():
            person = persons[row]
            if told is None:
                assert person not in held["A2"], "taken back, and 2.0 holds it"
                continue
            if told == WRONG:
                assert held["A2"].get(person) != WRONG
                continue
            assert held["A2"].get(person) == told
            assert person in held["B1"], "1.0 knows no deletion: whichever right one came first"
        statement = "SELECT v.key, t.state FROM visit v JOIN track t ON t.visit = v.id WHERE kind = 'A2'"
        states = dict(self.outbox.rows(statement))
        for row, told in self.told.items():
            if told is not None:
                assert states[_key(row)] == ("rejected" if told == WRONG else "accepted")


_OPEN: Final = """
SELECT 1 FROM upload WHERE state IN ('ready', 'received')
UNION ALL SELECT 1 FROM track WHERE state IN ('waiting', 'sent', 'deleting')
"""


def _key(row: int) -> str:
    names = ("data_type", "patient_id", "institution", "visit_time")
    return " ".join(good_visits(VISITS).visits[name][row] or "" for name in names)


def test_whatever_goes_wrong_in_the_end_the_insurer_holds_what_was_told() -> None:
    is_fuzzing = settings().max_examples >= settings.get_profile("fuzz").max_examples
    wanted = settings(
        max_examples=500 if is_fuzzing else 20,
        stateful_step_count=25,
        deadline=None,
        derandomize=not is_fuzzing,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(Sending, settings=wanted)
