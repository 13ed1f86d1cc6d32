"""Two workers at once on what belongs together: a day's counts, a prescription's refills."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from threading import Barrier, BrokenBarrierError, Event
from typing import Final

import polars as pl
import pytest
from tests.insurer.faults.databases import Database, at_once
from tests.insurer.faults.driver import context
from tests.insurer.faults.uploads import NOON

from nhicard.checks.cases.cases import Record, base_record, changed
from nhicard.formats.batch import build
from nhicard.formats.writer import write
from nhicard.insurer.intake.kinds import KINDS, Channel
from nhicard.insurer.intake.models import DayCount, EditionState, Refill, Submission, Visit, VisitState
from nhicard.insurer.intake.services import claiming, counting, effects, receiving
from nhicard.insurer.intake.services.receiving import Upload
from nhicard.insurer.intake.worker import Worker

#: Seconds for the other worker to count too, if nothing keeps it from it.
SOON: Final = 0.3
_recount, _after = counting.recount, effects.after

VISIT10: Final = changed("1.0", base_record("1.0", "bases", "outpatient"), ())
FACTS: Final = VISIT10[0]
TWIN: Final = changed(
    "2.0",
    base_record("2.0", "bases", "outpatient"),
    (f"M03={FACTS['A12']}", f"M05={FACTS['A14']}", f"M11={FACTS['A17']}", f"D01[*]={FACTS['A17']}"),
)
TWIN_DELETED: Final = changed("2.0", TWIN, ("H01=D",))
OTHER_VISIT10: Final = changed("1.0", VISIT10, ("A17=1121016153015", "A71[*]=1121016153015"))

PRESCRIBED: Final = base_record("2.0", "refills", "prescribed")
SECOND: Final = base_record("2.0", "bases", "pharmacy")
SECOND_ELSEWHERE: Final = changed(
    "2.0",
    SECOND,
    ("M05=5901010020", "M15=9Z2B3C4D5E6F7G8H9J0K", "M11=1121017093015", "D01[*]=1121017093015"),
)


@pytest.mark.parametrize(
    ("before", "pair", "counts"),
    [
        ([], [("B1", VISIT10), ("A2", TWIN)], (1, 1)),
        ([("A2", TWIN)], [("B1", VISIT10), ("A2", TWIN_DELETED)], (1, 0)),
        ([("B1", VISIT10)], [("B1", OTHER_VISIT10), ("A2", TWIN)], (2, 1)),
        ([("A1", TWIN)], [("A1", TWIN_DELETED), ("A2", TWIN)], None),
        ([("A1", TWIN), ("B1", VISIT10)], [("A1", TWIN_DELETED), ("A2", TWIN)], (1, 1)),
    ],
    ids=[
        "upload and its pre-check",
        "upload and the deletion of its pre-check",
        "another upload and a pre-check",
        "deletion and pre-check of a day without uploads",
        "deletion and pre-check of a day with uploads",
    ],
)
def test_a_day_that_two_workers_touch_at_once_is_counted_right(
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    before: Sequence[tuple[str, Record]],
    pair: Sequence[tuple[str, Record]],
    counts: tuple[int, int] | None,
) -> None:
    """Both have written before one counts, and both have counted before one commits, unless one waits for the other."""
    EditionState.objects.create(institution=FACTS["A14"], qualified_at=NOON - timedelta(days=100))
    for kind, record in before:
        _deliver(kind, record)
        assert Worker(context).once() == 1
    submissions = [_deliver(kind, record) for kind, record in pair]
    written, counted = _for_two(database), [Event(), Event()]
    turns = iter(counted)

    def recount(visits: pl.DataFrame) -> None:
        mine = next(turns, None)
        _meet(written)
        _recount(visits)
        if mine:
            mine.set()
            for each in counted:
                each.wait(SOON)

    monkeypatch.setattr(claiming, "BATCH_SUBMISSIONS", 1)
    monkeypatch.setattr(counting, "recount", recount)
    assert at_once([Worker(context).once] * 2) == [1, 1]
    assert set(Submission.objects.filter(pk__in=[each.pk for each in submissions]).values_list("accepted")) == {(1,)}
    rows = list(DayCount.objects.values_list("accepted10", "matched_by_web"))
    assert rows == ([counts] if counts else [])


def test_a_refill_that_two_pharmacies_dispense_at_once_is_dispensed_once(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    for record in (PRESCRIBED, SECOND, SECOND_ELSEWHERE):
        EditionState.objects.get_or_create(
            institution=record[0]["M05"], defaults={"qualified_at": NOON - timedelta(days=100)}
        )
    _deliver("A1", PRESCRIBED)
    assert Worker(context).once() == 1
    pair = [_deliver("A1", each) for each in (SECOND, SECOND_ELSEWHERE)]
    checked, first_looks = _for_two(database), iter([None] * 2)

    def after(visits: pl.DataFrame, fields: pl.DataFrame, *, is_precheck: bool) -> None:
        for _ in first_looks:
            _meet(checked)
            break
        _after(visits, fields, is_precheck=is_precheck)

    monkeypatch.setattr(claiming, "BATCH_SUBMISSIONS", 1)
    monkeypatch.setattr(effects, "after", after)
    assert at_once([Worker(context).once] * 2) == [1, 1]
    accepted = [Submission.objects.get(pk=each.pk).accepted for each in pair]
    assert sorted(map(str, accepted)) == ["0", "1"]
    (dispensing,) = Visit.objects.filter(state=VisitState.ACCEPTED).exclude(original_identifier="")
    taken = Refill.objects.get(number=2)
    assert (taken.dispensed_by, taken.dispensed_identifier) == (dispensing.institution, dispensing.identifier)


def _for_two(database: Database) -> Barrier:
    """Where two workers meet; on SQLite only one at a time can come so far."""
    return Barrier(2, timeout=10 if database.url else 0.1)


def _meet(barrier: Barrier) -> None:
    with suppress(BrokenBarrierError):
        barrier.wait()


def _deliver(kind: str, record: Record) -> Submission:
    visit = record[0]
    edition = KINDS[kind].edition
    institution = visit["A14" if edition == "1.0" else "M05"]
    content = write(build(edition, [record]))
    return receiving.receive(Upload(institution, "SAM000000001", Channel.WEB_API, kind, content), NOON)
