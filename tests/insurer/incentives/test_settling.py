"""From the applications' history to points, and settlements that are only corrected by later ones."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from django.db import DatabaseError, transaction
from tests.insurer.incentives import offices
from tests.insurer.incentives.offices import APPLIED, APPROVED, QUALIFIED, SCHEME, SWITCHED
from tests.insurer.portal import people

from nhicard.insurer.applications.services import progress
from nhicard.insurer.audit.models import Entry
from nhicard.insurer.incentives.engine import HELD, State
from nhicard.insurer.incentives.models import Line, Settlement
from nhicard.insurer.incentives.services import computing, settling, sources
from nhicard.insurer.registry.models import Institution

pytestmark = pytest.mark.django_db
CODE = "3501200000"


def held(as_of: date, code: str = CODE) -> set[str]:
    found = computing.of_one(Institution.objects.get(code=code), SCHEME, as_of)
    return {each.item for each in found if each.state in HELD}


def test_the_history_of_applications_is_a_source() -> None:
    offices.returned(offices.switched())
    frame = sources.gather(date(2024, 3, 5))
    told = frame.sort("happened_on", "place").select("kind", "happened_on", "evidence").rows()
    assert told == [
        ("qualified", QUALIFIED.date(), told[0][2]),
        ("applied", APPLIED.date(), "case 112102600001"),
        ("approved", APPROVED.date(), "edition change 1"),
        ("switched", SWITCHED.date(), "edition change 2"),
        ("returned", date(2024, 2, 29), "edition change 3"),
    ]
    assert told[0][2].startswith("qualification ")


@pytest.mark.parametrize(
    ("day", "codes"),
    [
        (QUALIFIED - timedelta(days=1), ""),
        (QUALIFIED, "H1"),
        (APPLIED, "H1 H2"),
        (APPROVED, "H1 H2 H3"),
        (SWITCHED, "H H1 H2 H3"),
        (datetime(2024, 2, 28), "H H1 H2 H3"),
        (datetime(2024, 2, 29), "H1"),
        (datetime(2024, 3, 5), "H1"),
    ],
)
def test_replayed_as_of_each_day(day: datetime, codes: str) -> None:
    """And the progress codes are those that the applications tell themselves."""
    offices.returned(offices.switched())
    assert held(day.date()) == set(codes.split())
    told = progress.of(CODE, datetime.combine(day, datetime.max.time())).codes
    # EditionState, which the progress reads, knows no evidence but the moment of the day before the application
    assert set(told) - {"H1"} == set(codes.split()) - {"H", "H1"}


def test_refused_withdrawn_and_handed_in_again_on_one_day() -> None:
    made = offices.qualified()
    from nhicard.insurer.applications.services import cases
    from nhicard.insurer.applications.services.guards import Order

    first = made.submitted("ic20", APPLIED)
    cases.act(first.pk, "refuse", made.officer, APPLIED + timedelta(hours=1), Order(reason="測試"))
    assert held(APPLIED.date()) == {"H1"}
    second = made.submitted("ic20", APPLIED + timedelta(hours=2))
    assert held(APPLIED.date()) == {"H1", "H2"}
    cases.act(second.pk, "withdraw", made.representative, APPLIED + timedelta(hours=3))
    assert held(APPLIED.date()) == {"H1"}


def test_of_one_and_of_many_agree() -> None:
    offices.switched()
    offices.qualified("3501200001")
    people.institution("5901200000", kind="pharmacy")
    facts = computing.facts_of(computing.earning(Institution.objects.all()))
    found = computing.of_many(facts, SCHEME, date(2023, 12, 31))
    assert len(found) == 3
    for code, items in found.items():
        assert items == computing.of_one(Institution.objects.get(code=code), SCHEME, date(2023, 12, 31))


def test_a_settlement_pays_what_is_entitled_once() -> None:
    offices.switched()
    offices.switched("3501200001")
    offices.qualified("3501200002")
    offices.switched("3501200003", division=2)
    made = offices.settled("2023-10-28")
    assert offices.lines(made) == [
        (CODE, "H", 10000, 0, 10000),
        ("3501200001", "H", 10000, 0, 10000),
    ]
    assert offices.lines(offices.settled("2023-12-31")) == []
    assert str(offices.settled("2023-12-31")) == "112-1-2"


def test_settled_again_the_same_day_is_the_same_settlement() -> None:
    offices.switched()
    first, entries = offices.settled("2023-12-31"), Entry.objects.count()
    assert offices.settled("2023-12-31") == first
    assert Settlement.objects.count() == 1
    assert Entry.objects.count() == entries


def test_what_is_lost_later_is_taken_back_by_a_later_settlement() -> None:
    made = offices.switched()
    first = offices.settled("2023-12-31")
    offices.returned(made)
    second = offices.settled("2024-03-01")
    assert offices.lines(first) == [(CODE, "H", 10000, 0, 10000)]
    assert offices.lines(second) == [(CODE, "H", 0, 10000, -10000)]
    assert offices.lines(offices.settled("2024-03-02")) == []
    for settlement in (first, second):
        assert settling.is_reproduced(settlement)


def test_computing_again_as_of_its_day_gives_the_same_whatever_came_later() -> None:
    made = offices.switched()
    first = offices.settled("2023-12-31")
    offices.returned(made)
    facts = computing.facts_of(Institution.objects.filter(division=1))
    now = settling.entitled_points(computing.of_many(facts, SCHEME, date(2023, 12, 31)))
    assert now == settling.replay(first) == settling.settled(first) == {(CODE, "H"): 10000}


def test_a_settlement_whose_inputs_were_changed_is_not_reproduced() -> None:
    offices.switched()
    made = offices.settled("2023-12-31")
    made.events = settling._parquet(sources.SCHEMA.to_frame())
    assert not settling.is_reproduced(made)


def test_an_institution_that_moved_is_not_paid_twice() -> None:
    offices.switched()
    offices.settled("2023-12-31")
    Institution.objects.filter(code=CODE).update(division=2)
    assert offices.lines(offices.settled("2024-01-05", division=2)) == []


@pytest.mark.parametrize(
    ("as_of", "now", "reason"),
    [
        (date(2023, 12, 31), datetime(2023, 12, 31, 23, 59), "not_over"),
        (date(2024, 1, 1), datetime(2023, 12, 31, 12), "not_over"),
        (date(2023, 12, 30), datetime(2024, 1, 9), "later"),
    ],
)
def test_days_that_cannot_be_settled(as_of: date, now: datetime, reason: str) -> None:
    offices.settled("2023-12-31", division=3)
    entries = Entry.objects.count()
    with pytest.raises(settling.CannotSettle, match=reason):
        settling.settle(as_of, 3, now, SCHEME)
    assert Settlement.objects.count() == 1
    assert Entry.objects.count() == entries


def test_a_settlement_is_in_the_audit_log() -> None:
    offices.switched()
    made = offices.settled("2023-12-31")
    entry = Entry.objects.get(action="incentives.settled")
    assert entry.facts == {"as_of": "2023-12-31", "digest": made.digest, "points": 10000}
    assert entry.actor == "nhicard incentives settle"


def test_nobody_changes_or_deletes_a_settlement() -> None:
    offices.switched()
    made = offices.settled("2023-12-31")
    line = made.lines.get()
    for row in (made, line):
        with pytest.raises(TypeError):
            row.save()
        with pytest.raises(TypeError):
            row.delete()
    for model, field in ((Settlement, "division"), (Line, "difference")):
        with pytest.raises(TypeError):
            model.objects.update(**{field: 1})
        with pytest.raises(DatabaseError), transaction.atomic():
            model._base_manager.update(**{field: 1})


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"kind": "unheard_of"}, "unknown kinds"),
        ({"institution": None}, "without institution or day"),
        ({"happened_on": "soon"}, "other"),
    ],
)
def test_a_source_that_gives_no_events_is_refused(
    change: dict[str, Any], told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = {
        "institution": CODE,
        "kind": "qr_image_verified",
        "happened_on": date(2023, 10, 1),
        "recorded_at": datetime(2023, 10, 1, 9),
        "detail": None,
        "evidence": "image 1",
    }

    def other(as_of: datetime) -> pl.DataFrame:
        return pl.DataFrame([row | change])

    monkeypatch.setattr(sources, "SOURCES", (other,))
    with pytest.raises(sources.BadSource, match=told):
        sources.gather(date(2023, 10, 31))


def test_another_apps_events_earn(monkeypatch: pytest.MonkeyPatch) -> None:
    """A frame as the other apps give it: without places, without days of its own."""

    def events(as_of: datetime) -> pl.DataFrame:
        rows = [
            (CODE, "qr_image_verified", date(2023, 10, 1), datetime(2023, 10, 1, 9), "", "image 1"),
            (CODE, "claim_completed", date(2023, 10, 2), datetime(2023, 10, 2, 9), "B", "claim 11209"),
            (CODE, "claim_completed", date(2023, 10, 9), datetime(2023, 10, 9, 9), "C", "claim 11209"),
        ]
        names = ["institution", "kind", "happened_on", "recorded_at", "detail", "evidence"]
        return pl.DataFrame(rows, schema=names, orient="row")

    people.institution(CODE)
    monkeypatch.setattr(sources, "SOURCES", (*sources.SOURCES, events))
    found = computing.of_one(Institution.objects.get(code=CODE), SCHEME, date(2023, 10, 5))
    assert {each.item: (each.points, each.evidence) for each in found if each.state == State.EARNED} == {
        "B": (2000, ("claim 11209",)),
        "G": (2000, ("image 1",)),
    }
