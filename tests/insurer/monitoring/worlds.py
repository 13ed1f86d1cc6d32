"""Institutions whose uploads go through receiving and worker, so that counters are the real ones."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from django.db import transaction
from tests.insurer.faults.uploads import patient
from tests.insurer.intake.clients import worker

from nhicard.checks.cases.cases import Record, base_record, changed
from nhicard.formats import rocdate
from nhicard.formats.batch import build
from nhicard.formats.tables import Edition
from nhicard.formats.writer import write
from nhicard.insurer import clock
from nhicard.insurer.intake.kinds import KINDS, Channel
from nhicard.insurer.intake.models import Submission
from nhicard.insurer.intake.services import receiving
from nhicard.insurer.intake.services.receiving import Upload

DATA: Final = Path(__file__).parent / "data"
CLINIC: Final = "3501200000"
#: The day on which the example was printed: its dates are the seven before.
TODAY: Final = datetime(2023, 10, 23, 9, 0)
VPN, WEB = Channel.VPN, Channel.WEB_API
_FAULTY: Final = ("M44=many", "M12=2")  # an amount that is none; a late card without the actual time
_NO_ORDERS: Final = ("MB2[*]=-",)


def rows(name: str) -> list[dict[str, str]]:
    """A table of the tests."""
    with (DATA / name).open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


@dataclass(frozen=True)
class Visit:
    """A visit as both editions tell it: another number is another patient, second and identifier."""

    number: int
    day: date
    category: str = "01"
    institution: str = CLINIC

    @property
    def time(self) -> str:
        """The tap, ROC."""
        at = datetime.combine(self.day, datetime.min.time()) + timedelta(hours=6, seconds=self.number % 60_000)
        return rocdate.format_datetime(at)

    def record10(self, *changes: str) -> Record:
        """As 1.0 tells it."""
        own = {"A12": patient(self.number), "A14": self.institution, "A17": self.time}
        return self._told("1.0", own, changes)

    def record20(self, *changes: str) -> Record:
        """As 2.0 tells it."""
        own = {
            "M03": patient(self.number),
            "M05": self.institution,
            "M11": self.time,
            "M15": f"1A2B3C4D5E6F{self.number:08d}",
        }
        return self._told("2.0", own, changes)

    def faulty20(self) -> Record:
        """With two errors."""
        return self.record20(*_FAULTY)

    def _told(self, edition: Edition, own: dict[str, str], changes: tuple[str, ...]) -> Record:
        visit, orders = _BARE[edition, self.category]
        told: Record = (visit | own, orders)
        return changed(edition, told, changes) if changes else told


def _bare(edition: Edition, row: Mapping[str, str]) -> Record:
    field, base = ("A23", "outpatient") if edition == "1.0" else ("M07", "no-drug")
    changes = row["changes10" if edition == "1.0" else "changes20"]
    listed = (f"{field}={row['category']}", *_NO_ORDERS, *filter(None, changes.split(" ; ")))
    return changed(edition, base_record(edition, "bases", base), listed)


_BARE: Final[Mapping[tuple[Edition, str], Record]] = {
    (edition, row["category"]): _bare(edition, row)
    for row in rows("category_records.csv")
    for edition in ("1.0", "2.0")
}


def deliver(
    kind: str, records: Iterable[Record], *, by: Channel = WEB, institution: str = CLINIC, at: datetime = TODAY
) -> Submission:
    """Receive an upload; it waits in the queue."""
    content = write(build(KINDS[kind].edition, list(records)))
    return receiving.receive(Upload(institution, "SAM000000001", by, kind, content), at)


def work() -> None:
    """Check whatever waits."""
    checks = worker()
    while checks.once():
        pass


@dataclass(frozen=True)
class Planned:
    """A cell of the example: how many visits, and how many of their pre-checks come by which way."""

    day: date
    category: str
    a: int
    by_vpn: int
    by_web: int


def example() -> list[Planned]:
    """The example's cells: their sums by date and by category are the printed ones, what is inside is ours."""
    return [
        Planned(
            rocdate.parse_date(row["day"]), row["category"], *(int(row[name]) for name in ("a", "by_vpn", "by_web"))
        )
        for row in rows("example_cells.csv")
    ]


def upload_example(cells: Iterable[Planned]) -> None:
    """Visits for the cells, in 1.0 and as pre-checks; of those without an accepted one every other was tried."""
    real, ways = list[Record](), dict[Channel, list[Record]]({VPN: [], WEB: []})
    number = 0
    for cell in cells:
        for place in range(cell.a):
            visit = Visit(number, cell.day, cell.category)
            number += 1
            real.append(visit.record10())
            if place < cell.by_vpn:
                ways[VPN].append(visit.record20())
            elif place < cell.by_vpn + cell.by_web:
                ways[WEB].append(visit.record20())
            elif place % 2:
                ways[WEB].append(visit.faulty20())
    deliver("B1", real, by=VPN)
    work()
    for way, records in ways.items():
        deliver("A2", records, by=way)
    work()


@contextmanager
def lasting(blocker: Any, at: datetime = TODAY) -> Iterator[pytest.MonkeyPatch]:
    """A database whose contents last for a module and are gone afterwards; the clock stands."""
    with pytest.MonkeyPatch.context() as patch, blocker.unblock(), transaction.atomic():
        patch.setattr(clock, "now", lambda: at)
        yield patch
        transaction.set_rollback(True)
