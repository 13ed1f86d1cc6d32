"""Which month a record belongs to, and that each key is in force once over all months."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from itertools import pairwise
from threading import Barrier
from typing import Any, Final

import pytest
from django.db import connection
from tests.insurer.faults.databases import Database, at_once
from tests.insurer.partitions.months_world import (
    AUGUST,
    NOON,
    OCTOBER,
    SEPTEMBER,
    deliver,
    everything,
    read_by,
    require_each_in_force_once,
    rows_of,
    upload,
    visit,
    worker,
)

from nhicard.insurer.intake.models import Order, State, Submission, Visit, VisitState
from nhicard.insurer.intake.services import checking, claiming
from nhicard.insurer.partitions import ensuring, storage
from nhicard.insurer.partitions.months import month_of, months_between, shifted
from nhicard.insurer.partitions.tables import AHEAD, TABLES, Part

DAYS: Final = {1: date(2023, 10, 16), 2: date(2023, 9, 16), 3: date(2023, 8, 16)}


@pytest.mark.parametrize(
    ("month", "by", "then"),
    [
        (date(2023, 10, 1), 3, date(2024, 1, 1)),
        (date(2023, 1, 1), -1, date(2022, 12, 1)),
        (date(2023, 12, 1), 0, date(2023, 12, 1)),
        (date(2023, 12, 1), -24, date(2021, 12, 1)),
    ],
)
def test_months_count_over_years(month: date, by: int, then: date) -> None:
    assert shifted(month, by) == then
    assert months_between(month, then) == by
    assert month_of(then.replace(day=28)) == then


@pytest.mark.parametrize(
    ("back", "age"),
    [(-3, "open"), (0, "open"), (1, "open"), (2, "settling"), (6, "settling"), (7, "closed"), (60, "closed")],
)
def test_the_storage_of_a_month_follows_its_age(back: int, age: str) -> None:
    assert storage.age_of(shifted(OCTOBER, -back), OCTOBER).name == age


def test_the_younger_a_month_the_more_room_and_the_more_often_vacuumed() -> None:
    ages = storage.ages()
    for younger, older in pairwise(ages):
        assert younger.settings.keys() == older.settings.keys()
        assert all(younger.settings[name] < older.settings[name] for name in younger.settings)


def test_orders_have_the_month_of_their_record_and_a_record_without_a_date_that_of_its_receipt(
    database: Database,
) -> None:
    found = upload(*(visit(number, day) for number, day in DAYS.items()), visit(4, DAYS[3], "M11=1120000999999"))
    assert found.keys() == {4}
    months = {1: OCTOBER, 2: SEPTEMBER, 3: AUGUST, 4: OCTOBER}
    assert dict(Visit.objects.values_list("record", "visit_month")) == months
    assert set(Order.objects.values_list("record", "visit_month")) == {(n, months[n]) for n in DAYS}


def test_corrected_deleted_and_sent_again_a_key_is_in_force_once(database: Database) -> None:
    for kind in ("A1", "A2"):
        assert upload(*(visit(number, day) for number, day in DAYS.items()), kind=kind) == {}
    require_each_in_force_once()
    assert upload(visit(1, DAYS[1]))[1] == {"C001"}
    assert upload(visit(2, DAYS[2], "H01=D"), visit(3, DAYS[3], "H01=D")) == {}
    assert upload(visit(1, DAYS[1], "M13=0009"), kind="A2") == {}
    require_each_in_force_once()
    assert upload(visit(2, DAYS[2])) == {}
    require_each_in_force_once()
    states = list(Visit.objects.order_by("id").values_list("state", flat=True))
    assert {state: states.count(state) for state in set(states)} == {
        VisitState.ACCEPTED: 5,  # 1 and 2 again, three pre-checks
        VisitState.REJECTED: 1,
        VisitState.REPLACED: 1,
        VisitState.DELETED: 2,
        VisitState.CARRIED_OUT: 2,
    }


@pytest.mark.parametrize("kind", ["A1", "A2"])
def test_of_two_workers_that_take_the_same_keys_out_of_force_one_checks_again(
    database: Database, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """A1: both delete and send anew; A2: both send the pre-check anew. In opposite order, at the same moment."""
    numbers = range(10, 40)
    first = [visit(number, DAYS[1]) for number in numbers]
    assert upload(*first, kind=kind) == {}

    def anew(order: Any, sequence: str) -> list[Any]:
        again = [visit(number, DAYS[1], f"M13={sequence}") for number in order]
        return again if kind == "A2" else [*(visit(number, DAYS[1], "H01=D") for number in order), *again]

    deliver(*anew(numbers, "0008"), kind=kind)
    deliver(*anew(reversed(numbers), "0009"), kind=kind)
    monkeypatch.setattr(claiming, "BATCH_SUBMISSIONS", 1)
    both_have_looked, own, looks = Barrier(2), checking.of_files, [None] * 2

    def of_files(*facts: Any) -> Any:
        if looks:
            looks.pop()
            both_have_looked.wait()
        return own(*facts)

    monkeypatch.setattr(checking, "of_files", of_files)
    assert at_once([worker().once] * 2) == [1, 1]
    assert set(Submission.objects.values_list("state", flat=True)) == {State.CHECKED}
    require_each_in_force_once()
    assert Visit.objects.filter(state=VisitState.ACCEPTED).count() == len(numbers)
    assert Visit.objects.filter(state=VisitState.ACCEPTED).values("sequence").distinct().count() == 1


def test_a_deletion_that_was_overtaken_by_a_correction_is_checked_again(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second worker deletes and writes anew between the first one's look and its deletion."""
    assert upload(visit(1, DAYS[1])) == {}
    deliver(visit(1, DAYS[1], "H01=D"))
    deliver(visit(1, DAYS[1], "H01=D"), visit(1, DAYS[1], "M13=0009"))
    monkeypatch.setattr(claiming, "BATCH_SUBMISSIONS", 1)
    own, overtaking = checking.of_files, [worker().once]

    def of_files(*facts: Any) -> Any:
        while overtaking:
            assert overtaking.pop()() == 1
        return own(*facts)

    monkeypatch.setattr(checking, "of_files", of_files)
    assert worker().once() == 1
    require_each_in_force_once()
    assert not Visit.objects.filter(state=VisitState.ACCEPTED).exists(), "the deletion came last and took the new one"


def test_each_row_lies_in_the_partition_of_its_month(postgresql: Database) -> None:
    ensuring.ensure(NOON)
    records = [visit(number, day) for number, day in DAYS.items()]
    assert upload(*records) == {}
    rows = {"visit": 1, "order": 2}
    for name, number in rows.items():
        assert rows_of(f"intake_{name}") == {f"intake_{name}_202310": number, f"intake_{name}_other": 2 * number}
    before = everything(Visit, Order)
    made = ensuring.ensure(NOON)
    assert made == [Part(table, month) for table in TABLES for month in (AUGUST, SEPTEMBER)]
    for name, number in rows.items():
        assert rows_of(f"intake_{name}") == {f"intake_{name}_2023{month}": number for month in ("08", "09", "10")}
    assert everything(Visit, Order) == before
    assert ensuring.ensure(NOON) == []
    assert upload(visit(3, DAYS[3]))[1] == {"C001"}


def test_absurd_months_stay_in_the_default_partition(postgresql: Database) -> None:
    ensuring.ensure(NOON)
    upload(visit(1, date(1990, 5, 5)), visit(2, date(2050, 5, 5)))
    assert rows_of("intake_visit") == {"intake_visit_other": 2}
    assert ensuring.ensure(NOON) == []


def test_two_that_ensure_at_once_make_each_month_once(postgresql: Database) -> None:
    def run() -> list[Part]:
        return ensuring.ensure(NOON, ahead=8)

    before = {each.part for each in ensuring.listed()}
    one, two = at_once([run, run])
    made = [*one, *two]
    assert len(made) == len({*made})
    wanted = {Part(table, shifted(OCTOBER, by)) for table in TABLES for by in range(9)}
    assert {*made} == wanted - before
    assert wanted <= {each.part for each in ensuring.listed()}


def test_settings_follow_as_months_grow_older(postgresql: Database) -> None:
    ensuring.ensure(NOON)

    def fillfactor() -> list[str]:
        return [
            dict(setting.split("=") for setting in each.settings)["fillfactor"]
            for each in ensuring.listed()
            if each.part in (Part("intake_visit", OCTOBER), Part("intake_order", OCTOBER))
        ]

    assert fillfactor() == ["85", "85"]
    ensuring.ensure(NOON.replace(month=12, day=1))
    assert fillfactor() == ["95", "95"]
    ensuring.ensure(NOON.replace(year=2024))
    assert fillfactor() == ["100", "100"]


def test_no_index_stands_in_the_way_of_changing_a_state_in_place(postgresql: Database) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT indexdef FROM pg_indexes WHERE tablename = 'intake_visit'")
        definitions = [definition for (definition,) in cursor.fetchall()]
    assert len(definitions) >= len(Visit._meta.indexes) + len(Visit._meta.constraints) + 1
    assert not [each for each in definitions if "state" in each]


@pytest.mark.parametrize(
    "asked",
    [
        pytest.param(lambda: Order.objects.filter(visit_month=OCTOBER, submission_id=1), id="orders of a month"),
        pytest.param(lambda: Visit.objects.filter(visit_month=OCTOBER, submission_id=1), id="visits of a month"),
    ],
)
def test_who_knows_the_month_reads_one_partition(postgresql: Database, asked: Callable[[], Any]) -> None:
    ensuring.ensure(NOON)
    statement, parameters = asked().query.sql_with_params()
    assert {name.rpartition("_")[2] for name in read_by(statement, parameters)} == {"202310"}


def test_an_upgrade_makes_the_present_months(postgresql: Database) -> None:
    ahead = {part.month for part in (each.part for each in ensuring.listed()) if part.month}
    assert len(ahead) >= AHEAD + 1
