"""Lists as immutable versions: the canonical frame of a list, its digest, and which version holds at a moment."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import IO, Final, cast

import polars as pl
from django.db.models import Max, QuerySet

from nhicard.checks.reference import folder
from nhicard.checks.reference.catalogue import ListSpec
from nhicard.insurer.registry.models import ListVersion

# Of a list that completes a shipped one: the days for which the row's file is a full list.
FULL: Final = ("full_start", "full_end")


def columns(spec: ListSpec) -> tuple[str, ...]:
    """Columns of the list's canonical frame."""
    return (*spec.columns, *(FULL if spec.completes else ()))


def canonical(frames: Iterable[pl.DataFrame], spec: ListSpec) -> pl.DataFrame:
    """The rows of a list's files as one frame that does not depend on their order: each row once, sorted."""
    parts = [_with_period(frame) if spec.completes else frame for frame in frames]
    return pl.concat(parts).select(columns(spec)).unique().sort(pl.all(), nulls_last=True)


def digest(rows: pl.DataFrame) -> str:
    """SHA-256 of a canonical frame, in hexadecimal."""
    hashing = hashlib.sha256()
    rows.write_csv(cast(IO[bytes], _Sink(hashing.update)))  # in pieces: a list may be larger than memory likes twice
    return hashing.hexdigest()


def store(name: str, rows: pl.DataFrame, source: str, digest: str, now: datetime) -> ListVersion:
    """A new version of the list, in force from now on; never before the one that it follows."""
    newest = ListVersion.objects.filter(name=name).aggregate(at=Max("loaded_at"))["at"]
    content = io.BytesIO()
    rows.write_parquet(content, compression="zstd")
    return ListVersion.objects.create(
        name=name,
        loaded_at=max(now, newest or now),
        source=source,
        digest=digest,
        rows=rows.height,
        content=content.getbuffer(),
    )


def described() -> QuerySet[ListVersion]:
    """All versions without their content, the oldest first."""
    return ListVersion.objects.defer("content").order_by("loaded_at", "pk")


def in_force(as_of: datetime) -> dict[str, ListVersion]:
    """By list, the version in force at the moment, without its content."""
    return {version.name: version for version in described().filter(loaded_at__lte=as_of)}


def newest(name: str) -> ListVersion | None:
    """The last version of a list, without its content."""
    return described().filter(name=name).last()


def frame(version: ListVersion) -> pl.DataFrame:
    """The canonical frame of a version."""
    content = ListVersion.objects.values_list("content", flat=True).get(pk=version.pk)
    return pl.read_parquet(io.BytesIO(content))


def _with_period(frame: pl.DataFrame) -> pl.DataFrame:
    period = folder.period(frame)
    return frame.with_columns(pl.lit(period.item(0, day), pl.Date).alias(f"full_{day}") for day in period.columns)


class _Sink:
    """A file that only takes what is written to it."""

    def __init__(self, take: Callable[[bytes], object]) -> None:
        self._take = take

    def write(self, data: bytes) -> int:
        self._take(data)
        return len(data)
