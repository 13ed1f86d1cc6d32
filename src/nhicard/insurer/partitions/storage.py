"""Storage parameters of a partition by the age of its month (``storage.toml``)."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files

from nhicard.insurer.partitions.months import months_between


@dataclass(frozen=True, slots=True)
class Age:
    """``until``: how many months back from the present one this holds. ``settings``: PostgreSQL's own names."""

    name: str
    until: int
    settings: Mapping[str, float]


@cache
def ages() -> tuple[Age, ...]:
    """The youngest first."""
    told = tomllib.loads(files("nhicard.insurer.partitions").joinpath("storage.toml").read_text("utf-8"))
    return tuple(sorted((Age(**each) for each in told["ages"]), key=lambda age: age.until))


def age_of(month: date, present: date) -> Age:
    """The age of a month as of another; months ahead are of the youngest."""
    back = months_between(month, present)
    return next(age for age in ages() if back <= age.until)
