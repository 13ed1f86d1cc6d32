"""A day into the lake: partition by partition, and published when it is whole."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Final

from django.db import transaction

from nhicard.insurer.audit import chain
from nhicard.insurer.intake.models import State, Submission
from nhicard.insurer.lake import source
from nhicard.insurer.replica import reports
from nhicard.scale import lake as lakes
from nhicard.scale import writing
from nhicard.scale.lake import BUCKETS, BadLake, Day, Partition, Place

_ACTOR: Final = "command line"
_ACTION: Final = "lake.export"


class NotYet(Exception):
    """The day cannot be exported now; the message says why, in both languages."""


@dataclass(frozen=True, slots=True)
class Exported:
    """``written``: how many of the day's partitions were not there before."""

    day: Day
    written: int


def export(day: date, lake: Path, now: datetime, buckets: int = BUCKETS) -> Exported:
    """Bring a day's uploads into the lake, accepted and rejected records alike.

    Once more gives the same day; what an earlier run had finished is not written again. Raises NotYet, ReadDifferently.
    """
    _require_over(day, now)
    lake.mkdir(parents=True, exist_ok=True, mode=0o700)
    with _alone(lake), reports(up_to_date=True):
        written, made = 0, []
        for place, submissions in source.places(day, buckets):
            fingerprint = source.fingerprint(submissions)
            known = _intact(lake, place, fingerprint)
            made.append(known or _write(lake, place, fingerprint, submissions))
            written += known is None
        set_aside = source.of_day(day).filter(state=State.SET_ASIDE).count()
        whole = Day(day, buckets, set_aside, tuple(sorted(made)))
        with transaction.atomic():
            facts = {name: whole.count(name) for name in ("files", "visits", "rejected")}
            chain.record(at=now, actor=_ACTOR, action=_ACTION, subject=day.isoformat(), facts=facts)
            lakes.publish(lake, whole)
        for each in made:
            writing.sweep(lake, each)
    return Exported(whole, written)


def _write(lake: Path, place: Place, fingerprint: str, submissions: list[Submission]) -> Partition:
    with writing.PartitionWriter(lake, place, fingerprint) as writer:
        for part in source.parts(place.edition, submissions):
            writer.add(part)
        return writer.finish()


def _intact(lake: Path, place: Place, fingerprint: str) -> Partition | None:
    """The partition if it was written before and is undamaged."""
    known = writing.finished(lake, place, fingerprint)
    try:
        if known:
            lakes.verify(lake, known)
    except BadLake:
        return None
    return known


def _require_over(day: date, now: datetime) -> None:
    if day >= now.date():
        raise NotYet(f"{day} 尚未結束，隔日再匯出。 The day is not over; export it tomorrow.")
    waiting = source.of_day(day).filter(state=State.PENDING).count()
    if waiting:
        raise NotYet(
            f"{day} 還有 {waiting} 個上傳檔尚未檢核，待檢核完成後再匯出。 "
            f"{waiting} uploads of the day are still to be checked; export it when they are."
        )


@contextmanager
def _alone(lake: Path) -> Iterator[None]:
    """One export at a time writes to a lake; the lock goes with the process."""
    lock = os.open(lake / ".export.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise NotYet("另一個匯出正在執行。 Another export is writing to this lake.") from None
    else:
        yield
    finally:
        os.close(lock)
