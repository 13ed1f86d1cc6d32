"""The same recheck on a real cluster of two nodes on this machine."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.scale import lakes
from tests.scale.lakes import FIRST, LAST

from nhicard.scale import period as periods
from nhicard.scale.engines import NoRay, Ray
from nhicard.scale.recheck import Outcome, Task
from nhicard.scale.rules import OtherRules

pytestmark = pytest.mark.filterwarnings("default")  # Ray's own
_STORE = 80 << 20
_KILLS = 3
#: What the report is about: many records that reject now.
CHANGED: dict[str, Any] = {"unsigned_orders": []}


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A head and a second node, one processor each; their address is in RAY_ADDRESS."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    from ray.cluster_utils import Cluster

    head = {"num_cpus": 1, "object_store_memory": _STORE, "include_dashboard": False}
    made = Cluster(initialize_head=True, head_node_args=head)
    made.add_node(num_cpus=1, object_store_memory=_STORE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_ADDRESS", made.address)
        yield made
    made.shutdown()  # type: ignore[no-untyped-call]


def test_two_nodes_find_what_one_machine_finds(cluster: Any, lake: Path, tmp_path: Path) -> None:
    asked = lakes.period(lake, CHANGED)
    here = lakes.report_of(asked, tmp_path / "local")
    assert lakes.report_of(asked, tmp_path / "ray", Ray()) == here
    assert len(cluster.list_all_nodes()) == 2

    others = dataclasses.replace(asked, rules=dataclasses.replace(asked.rules, fingerprint="of another version"))
    with pytest.raises(OtherRules):
        periods.recheck(others, Ray(), tmp_path / "others")


def test_a_cluster_that_is_not_there_is_named(lake: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import ray

    def refuse(**_: Any) -> None:
        raise ConnectionError

    monkeypatch.setattr(ray, "init", refuse)
    with pytest.raises(NoRay, match="nowhere:6379"):
        periods.recheck(lakes.period(lake), Ray("nowhere:6379"), tmp_path)


class _Losing:
    """Ray, of whose cluster a node is lost after the first outcome."""

    def __init__(self, cluster: Any, node: Any) -> None:
        self.cluster, self.node = cluster, node

    def run(self, tasks: Iterable[Task]) -> Iterator[tuple[Task, Outcome]]:
        for place, done in enumerate(Ray().run(tasks)):
            if not place:
                self.cluster.remove_node(self.node, allow_graceful=False)
            yield done


@pytest.mark.soak
def test_a_lost_node_costs_nothing_but_time(cluster: Any, lake: Path, tmp_path: Path) -> None:
    asked = lakes.period(lake, CHANGED)
    here = lakes.report_of(asked, tmp_path / "local")
    lost = cluster.add_node(num_cpus=1, object_store_memory=_STORE)
    assert lakes.report_of(asked, tmp_path / "ray", _Losing(cluster, lost)) == here


@pytest.mark.soak
@pytest.mark.parametrize("engine", ["local", "ray"])
def test_killed_again_and_again(lake: Path, tmp_path: Path, engine: str) -> None:
    """The command is killed whenever something new is finished; the last time it is left to end."""
    asked = lakes.period(lake)
    here = lakes.report_of(asked, tmp_path / "whole")
    out = tmp_path / "out"
    command = [sys.executable, "-m", "nhicard", "recheck", "--lake", lake, "--from", FIRST, "--to", LAST]
    command += ["--engine", engine, "-o", out]
    environment = {name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"}
    kills = 0
    for _ in range(_KILLS):
        before = _finished(out)
        running = subprocess.Popen(list(map(str, command)), env=environment, start_new_session=True)
        while running.poll() is None and _finished(out) == before:
            time.sleep(0.01)
        if running.poll() is None:
            os.killpg(running.pid, 9)
            kills += 1
        running.wait()
    assert kills == _KILLS
    assert subprocess.run(list(map(str, command)), env=environment, check=False).returncode == 0
    assert lakes.report_files(out) == here


def _finished(out: Path) -> int:
    return len(list((out / "finished").glob("[!.]*")))
