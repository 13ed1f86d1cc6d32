"""The daily job, and reading what it published."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path

import polars as pl
from django.conf import settings

from nhicard.insurer.incentives.scheme import Scheme
from nhicard.insurer.opendata.services import release, rows, store
from nhicard.insurer.replica import reports


@dataclass(frozen=True, slots=True)
class Published:
    """What the job did."""

    release: Path
    records: int
    changes: int
    before: date | None


def folder() -> Path:
    """Where the insurer publishes unless told otherwise, and what its public page reads."""
    return Path(settings.HOME) / "opendata"


def address() -> str:
    """The public address of the page; files lie below it."""
    return f"{settings.PUBLIC_URL.rstrip('/')}/opendata/"


def publish(scheme: Scheme, day: date, to: Path) -> Published:
    """Publish the snapshot of the end of the day. The same data again gives the same bytes at the same place.

    Raises OSError, incentives.services.sources.BadSource; readers then go on seeing what was there before.
    """
    with store.publishing(to):
        with reports(up_to_date=True):
            now = rows.snapshot(scheme, day)
        last = store.day_before(to, day)
        known = store.of_day(to, last) if last else None
        before = (last, pl.read_parquet(known / "incentives.parquet")) if last and known else None
        made = store.publish(to, day, release.files(now, before, day, scheme, address()))
        differing = rows.changes(before[1] if before else None, now).height
        return Published(made, now.height, differing, last)


@lru_cache(maxsize=4)
def records(of: Path) -> pl.DataFrame:
    """The rows of a release, which never changes."""
    return pl.read_parquet(of / "incentives.parquet")
