"""One turn of the agent after the other: pack, send, fetch. Whatever ends it in between, nothing is lost or doubled."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from nhicard.checks import Context
from nhicard.formats import rocdate
from nhicard.institution.agent import packing, sending
from nhicard.institution.agent.packing import Packed
from nhicard.institution.agent.sending import Pauses
from nhicard.institution.insurer import Insurer
from nhicard.institution.outbox.kinds import kinds_on
from nhicard.institution.outbox.store import Outbox


@dataclass(frozen=True, slots=True)
class Policy:
    """How the agent works. ``hold``: visits that the check before sending would reject wait for mending.
    ``patience``: how long a result is waited for; ``most``: visits in one file."""

    hold: bool = True
    patience: timedelta = timedelta(days=2)
    most: int = 5000
    pauses: Pauses = field(default_factory=Pauses)


@dataclass(frozen=True, slots=True)
class Turn:
    """What one turn did."""

    packed: Packed
    received: int
    answered: int

    def __bool__(self) -> bool:
        return bool(self.packed or self.received or self.answered)


class Agent:
    """Works on one outbox. ``context`` is what the check before sending knows (its moment is that of the turn)."""

    def __init__(
        self, outbox: Outbox, insurer: Insurer, context: Context | None = None, policy: Policy | None = None
    ) -> None:
        self.outbox = outbox
        self.insurer = insurer
        self._context = context or Context()
        self.policy = policy or Policy()
        self._stop = threading.Event()

    def turn(self, now: datetime) -> Turn:
        """Pack what waits, send what is ready, fetch what may be answered."""
        policy = self.policy
        context = replace(self._context, as_of=now)
        packed = Packed()
        for kind in kinds_on(now, self.outbox.switched_at):
            while more := packing.pack(self.outbox, kind, context, policy.most, hold=policy.hold):
                packed += more
        received = sending.send(self.outbox, self.insurer, now, policy.pauses)
        answered = sending.fetch(self.outbox, self.insurer, now, policy.pauses, policy.patience)
        return Turn(packed, received, answered)

    def run(self, pause: float = 2.0, now: Callable[[], datetime] = rocdate.now) -> None:
        """Turn after turn until stopped."""
        while not self._stop.is_set():
            if not self.turn(now()):
                self._stop.wait(pause)

    def stop(self) -> None:
        """End after the present turn."""
        self._stop.set()
