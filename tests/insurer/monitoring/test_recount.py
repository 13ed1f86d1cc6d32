"""Whatever comes in whatever order, the report is what a recount finds."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Final

import pytest
from django.db import transaction
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.insurer.monitoring import recounting, worlds
from tests.insurer.monitoring.worlds import VPN, WEB, Visit

from nhicard.checks.cases.cases import Record
from nhicard.insurer import clock
from nhicard.insurer.intake.kinds import Channel
from nhicard.insurer.monitoring.services.report import report

#: The first day before the seven, two within, and today.
DAYS: Final = [date(2023, 10, day) for day in (15, 16, 22, 23)]
VISITS: Final = [Visit(number, DAYS[number % 4]) for number in range(1, 7)]
#: Kind of upload and record of each thing that may come.
COMING: Final[dict[str, tuple[str, Callable[[Visit], Record]]]] = {
    "1.0": ("B1", lambda visit: visit.record10()),
    "1.0 again": ("B1", lambda visit: visit.record10("A32=60")),
    "1.0 corrected": ("B1", lambda visit: visit.record10("A01=3", "A23=04")),
    "1.0 late card": ("B1", lambda visit: visit.record10("A19=2", "A54=1121017")),
    "1.0 faulty": ("B1", lambda visit: visit.record10("A31=many")),
    "1.0 pre-check": ("B2", lambda visit: visit.record10()),
    "2.0 pre-check": ("A2", lambda visit: visit.record20()),
    "2.0 pre-check again": ("A2", lambda visit: visit.record20("M45=60")),
    "2.0 faulty": ("A2", lambda visit: visit.faulty20()),
    "2.0 deleted": ("A2", lambda visit: visit.record20("H01=D")),
}
uploads = st.tuples(
    st.sampled_from(list(COMING)), st.lists(st.sampled_from(VISITS), min_size=1, max_size=4, unique=True),
    st.sampled_from([VPN, WEB]), st.booleans(),
)  # fmt: skip
Uploads = list[tuple[str, list[Visit], Channel, bool]]


@pytest.mark.django_db
@settings(max_examples=6)
@given(coming=st.lists(uploads, min_size=3, max_size=9))
def test_counters_are_what_a_recount_finds(coming: Uploads) -> None:
    """``waits``: the worker gets to it only with the next upload, so that both are checked together."""
    with pytest.MonkeyPatch.context() as patch, transaction.atomic():
        for place, (what, visits, way, waits) in enumerate(coming):
            at = worlds.TODAY + timedelta(minutes=place)
            patch.setattr(clock, "now", lambda at=at: at)
            kind, told = COMING[what]
            worlds.deliver(kind, [told(visit) for visit in visits], by=way, at=at)
            if not waits:
                worlds.work()
        worlds.work()
        found = report(worlds.CLINIC, worlds.TODAY)
        assert recounting.of_report(found) == recounting.from_records(found)
        assert recounting.of_report(found) == recounting.from_payloads(found)
        transaction.set_rollback(True)
