"""An agent may end at any moment: no visit is lost, none is sent as a new one twice."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.institution.agent.killed import InsurerOnDisk, work
from tests.institution.agent.world import good_visits

from nhicard.formats import write
from nhicard.institution.outbox import Outbox
from nhicard.institution.visits import write20

ROOT = Path(__file__).parents[3]


#: What a whole run needs, so that most moments lie within one.
STATEMENTS = 60


def kill(home: Path, chance: random.Random) -> bool:
    """Whether the process was killed; else it came to its end."""
    moment, in_sending = chance.randint(1, STATEMENTS), chance.choice([0, 0, 0, 1, 2, 3])
    command = [sys.executable, "-m", "tests.institution.agent.killed", str(home), str(moment), str(in_sending)]
    done = subprocess.run(command, cwd=ROOT, check=False, timeout=60)
    assert done.returncode in (0, -signal.SIGKILL)
    return done.returncode != 0


def hand_over(home: Path, name: str) -> None:
    """A file as the HIS leaves it, a while ago."""
    folder = home / "in"
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_bytes(write(write20(good_visits(24))))
    os.utime(path, (1, 1))


def require_each_sent_once(home: Path) -> None:
    insurer = InsurerOnDisk(home / "insurer")
    with Outbox(home / "outbox.sqlite3") as outbox:
        work(home, insurer, outbox)
        states = outbox.rows("SELECT kind, state, count(*) FROM track GROUP BY 1, 2 ORDER BY 1")
        assert states == [("A2", "accepted", 24), ("B1", "accepted", 24)]
    for kind, person, time in (("B1", "A12", "A17"), ("A2", "M03", "M11")):
        keys = [(visit[person], visit[time]) for visit in insurer.records(kind)]
        assert len(keys) == len(set(keys)) == 24


def test_killed_at_any_moment_every_visit_is_sent_once(tmp_path: Path) -> None:
    hand_over(tmp_path, "visits.xml")
    chance = random.Random(1)
    assert sum(kill(tmp_path, chance) for _ in range(6)) >= 3
    require_each_sent_once(tmp_path)


@pytest.mark.soak
def test_two_hundred_kills_of_agents(tmp_path: Path) -> None:
    killed = 0
    for seed in range(100):
        home = tmp_path / str(seed)
        home.mkdir()
        hand_over(home, "visits.xml")
        chance = random.Random(seed)
        killed += sum(kill(home, chance) for _ in range(6))
        require_each_sent_once(home)
        if killed >= 200:
            return
    raise AssertionError(f"only {killed} were killed")
