"""A period of the lake under a rule edition, and what is finished of it."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

import polars as pl

from nhicard.scale import lake as lakes
from nhicard.scale.engines import Engine
from nhicard.scale.lake import Partition
from nhicard.scale.recheck import CHANGES, COUNTS, Outcome, Task
from nhicard.scale.rules import RuleEdition

_FINISHED: Final = "finished"
_TABLES: Final[Mapping[str, Mapping[str, Any]]] = {"changes": CHANGES, "counts": COUNTS}


@dataclass(frozen=True, slots=True)
class Period:
    """What is to be checked again: uploads received from ``first`` to ``last``."""

    lake: Path
    first: date
    last: date
    rules: RuleEdition
    as_of: datetime | None = None


@dataclass(frozen=True, slots=True)
class Rechecked:
    """``outcome``: of all partitions together. ``before``: how many of them were found finished."""

    outcome: Outcome
    partitions: Sequence[Partition]
    before: int


def recheck(
    period: Period, engine: Engine, to: Path, told: Callable[[int, int], None] = lambda done, of: None
) -> Rechecked:
    """Check a period again. What was finished by an earlier run to the same folder is not done again.

    ``told`` hears after each partition how many of how many are done. Raises BadLake, OtherRules, NoRay; what is
    finished by then stays.
    """
    wanted = {_key(period, each): each for each in lakes.partitions(period.lake, period.first, period.last)}
    finished = to / _FINISHED
    finished.mkdir(parents=True, exist_ok=True, mode=0o700)
    for left in finished.glob(".*"):
        shutil.rmtree(left)
    missing = {key: each for key, each in wanted.items() if not (finished / key).exists()}
    key_of = {each: key for key, each in missing.items()}
    tasks = (Task(period.lake, each, period.rules, period.as_of) for each in missing.values())
    done = before = len(wanted) - len(missing)
    for task, outcome in engine.run(tasks):
        _write(finished / key_of[task.partition], outcome)
        done += 1
        told(done, len(wanted))
    whole = {name: _joined(finished, list(wanted), name) for name in _TABLES}
    return Rechecked(Outcome(**whole), list(wanted.values()), before)


def _key(period: Period, partition: Partition) -> str:
    """The name of a partition's outcome: other content, other rules or another moment have another one."""
    moment = period.as_of.isoformat() if period.as_of else ""
    return hashlib.sha256(f"{partition.digest} {period.rules.fingerprint} {moment}".encode()).hexdigest()


def _write(folder: Path, outcome: Outcome) -> None:
    """Whole or not at all; not forced to disk, because what a power cut takes is only worked out again."""
    unfinished = Path(tempfile.mkdtemp(dir=folder.parent, prefix="."))
    for name in _TABLES:
        getattr(outcome, name).write_parquet(unfinished / f"{name}.parquet")
    unfinished.rename(folder)


def _joined(finished: Path, keys: list[str], name: str) -> pl.DataFrame:
    nothing = pl.DataFrame(schema=dict(_TABLES[name]))
    rows = pl.concat([nothing, *(pl.read_parquet(finished / key / f"{name}.parquet") for key in keys)])
    return rows.sort(rows.columns)
