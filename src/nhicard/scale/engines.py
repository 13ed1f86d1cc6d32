"""Where rechecks run: in this process, or as tasks of a Ray cluster. Outcomes come as they are ready."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, Protocol

from nhicard.scale.recheck import Outcome, Task, recheck

if TYPE_CHECKING:
    from types import ModuleType

_AHEAD: Final = 2  # tasks a processor that wait at the cluster
_STORE: Final = 256 << 20  # bytes for objects: outcomes are small
_ENVIRONMENT: Final = {"POLARS_MAX_THREADS": "1", "NUMBA_NUM_THREADS": "1"}  # a task is one processor's work


class Engine(Protocol):
    """Runs tasks in any order."""

    def run(self, tasks: Iterable[Task]) -> Iterator[tuple[Task, Outcome]]:
        """Each task with its outcome. Raises what ``recheck`` raises."""


class NoRay(Exception):
    """Ray is not installed or its cluster is not there; the message says what to do."""


class Local:
    """One partition after the other; Polars uses all processors."""

    def run(self, tasks: Iterable[Task]) -> Iterator[tuple[Task, Outcome]]:
        for task in tasks:
            yield task, recheck(task)


class Ray:
    """A task a partition on the cluster that ``RAY_ADDRESS`` names, else on one started here for as long as it runs.

    Every machine must see the lake and the lists under the same paths. A task of a machine that is lost is run again
    on another one.
    """

    def __init__(self, address: str | None = None) -> None:
        self._address = address or os.environ.get("RAY_ADDRESS") or "local"

    def run(self, tasks: Iterable[Task]) -> Iterator[tuple[Task, Outcome]]:
        ray = _ray()
        mine = not ray.is_initialized()
        if mine:
            _connect(ray, self._address)
        try:
            yield from _run(ray, iter(tasks))
        finally:
            if mine:
                ray.shutdown()


def engine(name: str) -> Engine:
    """``local`` or ``ray``."""
    return Ray() if name == "ray" else Local()


def _run(ray: ModuleType, tasks: Iterator[Task]) -> Iterator[tuple[Task, Outcome]]:
    """At most a few tasks a processor are handed over ahead, so that a long period costs the driver no memory."""
    remote = ray.remote(num_cpus=1, max_retries=3)(recheck)
    running: dict[Any, Task] = {}
    while True:
        room = max(1, int(ray.cluster_resources().get("CPU", 1))) * _AHEAD - len(running)
        running |= {remote.remote(task): task for task in islice(tasks, max(room, 0))}
        if not running:
            return
        done, _ = ray.wait(list(running), num_returns=1)
        for reference in done:
            try:
                yield running.pop(reference), ray.get(reference)
            except ray.exceptions.RayTaskError as error:
                raise error.cause from None


def _ray() -> ModuleType:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is told to anybody
    try:
        import ray
    except ImportError as error:
        raise NoRay("未安裝 Ray。 Ray is not installed: pip install 'nhicard[scale]'.") from error
    return ray


def _connect(ray: ModuleType, address: str) -> None:
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.WARNING}
    if address == "local":
        options |= {"object_store_memory": _STORE, "include_dashboard": False}
    try:
        ray.init(address=address, runtime_env={"env_vars": _ENVIRONMENT}, **options)
    except ConnectionError as error:
        raise NoRay(f"無法連線 Ray 叢集（RAY_ADDRESS）。 The Ray cluster cannot be reached: {address}.") from error
