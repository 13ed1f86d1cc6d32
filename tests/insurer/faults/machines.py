"""What the insurer's state machines share: a database that is as it was after every example."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test
from tests.insurer.faults.uploads import NOON

from nhicard.checks.cases.cases import Record
from nhicard.formats.batch import build
from nhicard.formats.writer import write
from nhicard.insurer import clock
from nhicard.insurer.intake.kinds import KINDS, Channel
from nhicard.insurer.intake.models import EditionState, Submission
from nhicard.insurer.intake.services import receiving
from nhicard.insurer.intake.services.receiving import Upload

#: Under the fuzz profile this many times as many examples as in the suite.
_MORE: Final = 20


def run(machine: type[RuleBasedStateMachine], examples: int, steps: int) -> None:
    """Few examples in the suite, many under ``--hypothesis-profile=fuzz``."""
    is_fuzzing = settings().max_examples >= settings.get_profile("fuzz").max_examples
    wanted = settings(
        max_examples=examples * (_MORE if is_fuzzing else 1),
        stateful_step_count=steps,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        database=None,
    )
    run_state_machine_as_test(machine, settings=wanted)


class OnDatabase(RuleBasedStateMachine):
    """Everything that an example writes is rolled back; the clock shows ``now``."""

    def __init__(self) -> None:
        super().__init__()
        self.now = NOON
        self._undone = ExitStack()
        self._undone.enter_context(_rolled_back())
        before = clock.now
        self._undone.callback(setattr, clock, "now", before)
        clock.now = lambda: self.now

    def teardown(self) -> None:
        self._undone.close()


class _rolled_back:  # noqa: N801  # a context manager like contextlib's own
    def __enter__(self) -> None:
        self._atomic = transaction.atomic()
        self._atomic.__enter__()

    def __exit__(self, *_: object) -> None:
        transaction.set_rollback(True)
        self._atomic.__exit__(None, None, None)


def qualified(*institutions: str) -> None:
    """They may upload 2.0 for real."""
    for code in institutions:
        EditionState.objects.create(institution=code, qualified_at=NOON - timedelta(days=100))


class Sent:
    """Uploads each by a security module of its own: the same bytes are another upload then."""

    def __init__(self) -> None:
        self._count = 0

    def deliver(self, kind: str, records: Sequence[Record], institution: str, now: datetime) -> Submission:
        """Receive an upload; it waits in the queue."""
        self._count += 1
        content = write(build(KINDS[kind].edition, list(records)))
        return receiving.receive(Upload(institution, f"SAM{self._count:09}", Channel.WEB_API, kind, content), now)
