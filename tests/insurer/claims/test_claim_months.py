"""What becomes of a month: file after file, and what the incentive engine is told of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import polars as pl
import pytest
from django.db import DatabaseError, transaction
from tests.insurer.claims import offices
from tests.insurer.claims.offices import MONTH, NOW

from nhicard.formats.claims import Kind, write
from nhicard.insurer.claims.models import ClaimFile, ClaimMonth, State, Step
from nhicard.insurer.claims.services import months, receiving
from nhicard.insurer.claims.services.incentive_events import SCHEMA, events

pytestmark = pytest.mark.usefixtures("office")
WRONG_ID = "A123456780"


def the_month() -> ClaimMonth:
    return ClaimMonth.objects.get()


def told(as_of: object = None) -> list[tuple[str, str]]:
    """Item and day of the events."""
    frame = events(as_of or NOW + timedelta(days=90))  # type: ignore[arg-type]
    assert frame.schema == SCHEMA
    return [(row["detail"], f"{row['happened_on']:%m-%d}") for row in frame.to_dicts()]


@pytest.mark.parametrize(("kind", "items"), [("outpatient", ["A", "B"]), ("inpatient", ["C"]), ("pharmacy", ["F"])])
def test_a_clean_file_completes_its_items(kind: Kind, items: list[str]) -> None:
    made = offices.claims(kind)
    offices.upload_visits(made)
    file = offices.sent(write(made), kind=kind)
    month = the_month()
    assert (file.state, month.state, month.items) == (State.COMPLETED, State.COMPLETED, items)
    assert (month.format, month.month, month.part) == (kind, MONTH, "13")
    assert (file.cases, file.accepted, file.rejected, file.compared) == (12, 12, 0, 12)
    assert [step.state for step in month.steps.order_by("number")] == ["received", "checking", "completed"]
    assert told() == [(item, "05-06") for item in items]


def test_without_identifiers_it_is_accepted_and_completes_the_copayments_only() -> None:
    made = offices.claims()
    offices.upload_visits(made)
    file = offices.sent(offices.without_identifiers(made))
    assert (file.state, the_month().items) == (State.ACCEPTED, ["A"])
    assert told() == [("A", "05-06")]


@pytest.mark.parametrize(
    ("uploaded", "precheck", "state", "code"),
    [
        (False, False, State.REJECTED, "CLM-801"),
        (True, False, State.COMPLETED, ""),
        (True, True, State.COMPLETED, ""),
    ],
    ids=["nothing uploaded", "for real", "as pre-checks"],
)
def test_cases_are_compared_with_the_uploaded_visits(uploaded: bool, precheck: bool, state: str, code: str) -> None:
    made = offices.claims()
    if uploaded:
        offices.upload_visits(made, is_precheck=precheck)
    file = offices.sent(write(made))
    codes = set(file.meanings.values_list("code", flat=True))
    assert (file.state, code in codes or not code) == (state, True)


def test_a_visit_uploaded_elsewhere_is_found_by_its_identifier() -> None:
    from nhicard.insurer.intake.models import Visit

    made = offices.claims()
    offices.upload_visits(made)
    Visit.objects.filter(record=1).update(institution="3501200019")
    file = offices.sent(write(made))
    found = {each.code: each.cases for each in file.meanings.all()}
    assert found["CLM-804"] == 1
    assert "CLM-801" not in found


def test_a_file_with_a_rejected_case_completes_nothing_and_a_corrected_one_replaces_it() -> None:
    made = offices.claims()
    offices.upload_visits(made)
    wrong = offices.sent(offices.first_case(made, person=WRONG_ID))
    assert (wrong.state, wrong.rejected, the_month().items, told()) == (State.ACCEPTED, 1, [], [])
    right = offices.sent(write(made), NOW + timedelta(days=1))
    month = the_month()
    assert (right.state, month.state, months.in_force(month)) == (State.COMPLETED, State.COMPLETED, right)
    assert told() == [("A", "05-07"), ("B", "05-07")]
    assert told(NOW + timedelta(hours=1)) == [], "as it was known before the correction"


def test_a_correction_that_completes_too_takes_nothing_of_the_day_away() -> None:
    made = offices.claims()
    offices.upload_visits(made)
    offices.sent(write(made))
    offices.sent(offices.with_totals(made, claim_day="1150505"), NOW + timedelta(days=9))
    assert told() == [("A", "05-06"), ("B", "05-06")]


def test_a_correction_that_does_not_complete_ends_it_and_a_rejected_one_changes_nothing() -> None:
    made = offices.claims()
    offices.upload_visits(made)
    first = offices.sent(write(made))
    rejected = offices.sent(offices.with_totals(made, claimed_count="999"), NOW + timedelta(days=1))
    month = the_month()
    assert (rejected.state, month.state, month.items) == (State.REJECTED, State.REJECTED, ["A", "B"])
    assert months.in_force(month) == first
    offices.sent(offices.without_identifiers(made), NOW + timedelta(days=2))
    assert (the_month().items, told()) == (["A"], [("A", "05-06")])
    assert told(NOW + timedelta(days=1, hours=1)) == [("A", "05-06"), ("B", "05-06")]


def test_the_later_file_counts_whichever_is_checked_first() -> None:
    from nhicard.insurer.claims.services import checking, queue

    made = offices.claims()
    offices.upload_visits(made)
    early = offices.sent(offices.without_identifiers(made), check=False)
    late = offices.sent(write(made), NOW + timedelta(hours=1), check=False)
    taken = [queue.take(NOW + timedelta(hours=2)) for _ in range(2)]
    assert [each.pk for each in taken if each] == [early.pk, late.pk]
    for file in reversed([each for each in taken if each]):
        content = receiving.content_of(file)
        assert checking.settle(file, checking.checked(content, file), NOW + timedelta(hours=3))
    month = the_month()
    assert (months.in_force(month), month.state, month.items) == (late, State.COMPLETED, ["A", "B"])


def test_parts_of_a_month_stand_beside_each_other_and_a_supplement_earns_nothing() -> None:
    made = offices.claims()
    offices.upload_visits(made)
    offices.sent(offices.with_totals(made, claim_type="2"))
    assert (the_month().part, the_month().state, told()) == ("23", State.COMPLETED, [])
    offices.sent(write(made))
    assert sorted(ClaimMonth.objects.values_list("part", flat=True)) == ["13", "23"]
    assert told() == [("A", "05-06"), ("B", "05-06")]


def test_the_history_cannot_be_changed() -> None:
    offices.sent(write(offices.claims()))
    step = Step.objects.first()
    assert step
    with pytest.raises(TypeError):
        step.save()
    with pytest.raises(TypeError):
        step.delete()
    with pytest.raises(DatabaseError), transaction.atomic():
        Step._base_manager.update(state="completed")


def test_events_can_be_asked_of_some_institutions_alone() -> None:
    made = offices.claims()
    offices.upload_visits(made)
    offices.sent(write(made))
    code = offices.code_of(made)
    assert events(NOW + timedelta(days=1), institutions=[code])["institution"].unique().to_list() == [code]
    assert events(NOW + timedelta(days=1), institutions=["3501200019"]).is_empty()


def test_the_incentive_engine_takes_the_events() -> None:
    from nhicard.insurer.incentives.services import sources

    made = offices.claims()
    offices.upload_visits(made)
    offices.sent(write(made))
    checked = sources._checked(events, events(NOW + timedelta(days=1)))
    assert checked["kind"].unique().to_list() == ["claim_completed"]
    assert checked["evidence"].to_list() == [f"claim-file {ClaimFile.objects.get().pk}"] * 2


def test_since_over_thousands_of_months_is_that_of_each() -> None:
    """The same as folding the files of each month one by one."""
    steps = pl.DataFrame(
        [
            (month, turn, turn, turn, "accepted", NOW + timedelta(days=turn), NOW + timedelta(days=turn), items)
            for month in range(300)
            for turn in range(1, 5)
            if (items := [item for place, item in enumerate("AB") if (month * 7 + turn * 3 + place) % 4]) is not None
        ],
        schema=dict(months.STEPS),
        orient="row",
    )
    expected: dict[Any, Any] = {}
    for month, turn, *_, items in steps.iter_rows():
        for item in "AB":
            expected[month, item] = (expected.get((month, item)) or turn) if item in items else None
    found = {(row["month"], row["item"]): row["file"] for row in months.since(steps).to_dicts()}
    assert found == {key: turn for key, turn in expected.items() if turn}
