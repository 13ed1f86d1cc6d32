"""An agent process that is killed: ``python -m tests.institution.agent.killed HOME STATEMENT UPLOAD``.

It takes the files of the folder ``in``, packs, sends and fetches, and is ended by SIGKILL at a statement of its
database, or at an upload between the insurer's keeping it and its answer.
"""

from __future__ import annotations

import os
import signal
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

from tests.institution.agent.world import NOW, ScriptedInsurer

from nhicard.institution.agent import Agent, Policy
from nhicard.institution.agent.folder import take_files
from nhicard.institution.agent.sending import Pauses
from nhicard.institution.outbox import Outbox, take


class InsurerOnDisk(ScriptedInsurer):
    """One that survives whoever talks to it: an upload a file, named by its receipt."""

    def __init__(self, folder: Path, **moods: Any) -> None:
        super().__init__(**moods)
        self.folder = folder
        folder.mkdir(exist_ok=True)
        for path in folder.glob("*.xml"):
            kind, receipt = path.stem.split("-")
            self.uploads[receipt] = (kind, path.read_bytes())

    def upload(self, content: bytes, kind: str, way: str, now: Any = None) -> str:
        receipt = super().upload(content, kind, way, now)
        part = self.folder / f"{receipt}.part"
        part.write_bytes(content)
        part.rename(self.folder / f"{kind}-{receipt}.xml")
        self.kept()
        return receipt

    def kept(self) -> None:
        """The upload is on disk, the answer not yet on its way."""


def work(home: Path, insurer: ScriptedInsurer, outbox: Outbox) -> None:
    """Until nothing is left to do."""
    take_files(home / "in", lambda visits, department: take(outbox, visits, NOW, department))
    agent = Agent(outbox, insurer, policy=Policy(most=5, pauses=Pauses(chance=lambda: 1.0)))  # type: ignore[arg-type]
    now = NOW
    while agent.turn(now):
        now += timedelta(minutes=1)


def main(home: Path, moment: int, in_sending: int) -> None:
    """Work, and end by SIGKILL at that statement, or at that upload between the insurer's keeping it and its answer."""
    outbox = Outbox(home / "outbox.sqlite3")
    insurer = InsurerOnDisk(home / "insurer")
    left = [moment, in_sending]

    def count(place: int) -> None:
        left[place] -= 1
        if left[place] == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    outbox._connection.set_trace_callback(lambda _: count(0))
    insurer.kept = lambda: count(1)  # type: ignore[method-assign]
    work(home, insurer, outbox)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
