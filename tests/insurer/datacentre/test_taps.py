"""Taps as the insurer's rules want them: numbers, uses, identifiers, roll-back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta

import polars as pl
import pytest
from tests.insurer.datacentre.calls import NO_CARD, UPDATE
from tests.insurer.desk import CLINIC, NOW, PATIENT, Card, Desk, Reply, uses_left

from nhicard.formats import rocdate
from nhicard.formats.tables import codes
from nhicard.identity import visit_identifier, visit_signatures
from nhicard.insurer.datacentre.models import SequenceCounter, Treatment
from nhicard.insurer.registry import models
from nhicard.insurer.registry.authority import authority

LAST_SECOND = datetime(2026, 12, 31, 23, 59, 59)
CATEGORIES = {
    code: "counted=yes" in entry.attr for code, entry in codes("2.0", "M07").items() if code not in ("ZA", "ZB")
}
SPECIAL = {"AC": "IC01", "AD": "IC06"}


def facts_behind(identifier: str) -> dict[str, object]:
    register = pl.Series(list(models.Institution.objects.values_list("code", flat=True)))
    facts = visit_identifier.open_one(authority().keys, identifier, register)
    assert facts is not None
    return facts


def number(desk: Desk, item: str = "01") -> str:
    desk.later(seconds=1)
    reply = desk.tap(item)
    assert reply["statusCode"] in (0, 5010), reply
    return str(reply["sequenceNumber"])


# --- sequence numbers ---------------------------------------------------------------------------------------


def test_a_persons_numbers_run_through_the_year_and_begin_anew_with_the_next(desk: Desk) -> None:
    assert [number(desk), number(desk)] == ["0001", "0002"]
    desk.at(LAST_SECOND)
    models.HealthCard.objects.update(valid_until=date(2027, 6, 30))
    assert desk.tap()["sequenceNumber"] == "0003"
    assert number(desk) == "0001", "one second later it is the first of January"
    assert desk.now == datetime(2027, 1, 1)


def test_numbers_belong_to_the_person_not_to_the_card(desk: Desk) -> None:
    assert number(desk) == "0001"
    replacement = desk.issue("HC", idNo=PATIENT, name="測試病患甲", birthday="0790101", sex="M")
    assert number(desk.with_cards(hc=replacement)) == "0002"
    other = desk.issue("HC", idNo="A223456781", name="測試病患乙", birthday="0800202", sex="F")
    assert number(desk.with_cards(hc=other)) == "0001"


@pytest.mark.parametrize(("item", "counted"), CATEGORIES.items())
def test_only_counted_categories_take_a_number_and_a_use(desk: Desk, item: str, counted: bool) -> None:
    assert number(desk, item) == ("0001" if counted else SPECIAL.get(item, ""))
    assert uses_left(desk.hc) == (5 if counted else 6)
    assert SequenceCounter.objects.exists() is counted


def test_the_counted_categories_are_00_to_09() -> None:
    assert [code for code, counted in CATEGORIES.items() if counted] == [f"{n:02}" for n in range(10)]


def test_virtual_cards_count_on_their_own(desk: Desk, virtual: Card) -> None:
    assert number(desk) == "0001"
    assert [number(desk.insert(virtual)), number(desk.insert(virtual))] == ["W001", "W002"]
    assert number(desk) == "0002"
    assert (uses_left(desk.hc), uses_left(virtual)) == (4, 4)


# --- uses and validity --------------------------------------------------------------------------------------


def test_six_uses_then_an_update_then_six_more(desk: Desk) -> None:
    for left in range(5, -1, -1):
        number(desk)
        assert uses_left(desk.hc) == left
    desk.later(seconds=1)
    assert desk.tap()["statusCode"] == 3213
    assert number(desk, "AC") == "IC01", "what does not count needs no use"
    assert desk.call(UPDATE, "SAM HC", "04")["statusCode"] == 0
    assert desk.call("/api/v1/BasicData/Register2", "SAM HC", "01")["treatmentCounter"] == 6
    assert number(desk) == "0007"


@pytest.mark.parametrize(("left", "status"), [(3, 0), (4, 9081)])
def test_a_card_is_updated_when_three_uses_are_left(desk: Desk, left: int, status: int) -> None:
    models.HealthCard.objects.update(uses_left=left)
    assert desk.call(UPDATE, "SAM HC", "04")["statusCode"] == status


def test_a_card_is_good_on_its_last_day_and_again_after_an_update(desk: Desk) -> None:
    models.HealthCard.objects.update(valid_until=NOW.date())
    assert desk.tap()["statusCode"] == 0
    desk.at(datetime(2026, 3, 3))
    assert desk.tap()["statusCode"] == 5003
    assert desk.call(UPDATE, "SAM HC", "04")["statusCode"] == 0, "whatever uses are left"
    assert desk.call("/api/v1/BasicData/Register2", "SAM HC", "01")["cardValidity"] == "1150830"  # 180 days
    assert desk.tap()["statusCode"] == 0


@pytest.mark.parametrize(("age", "status"), [(60, 0), (61, 3207)])
def test_a_newborn_uses_a_parents_card_for_sixty_days(
    desk: Desk, patient: models.InsuredPerson, age: int, status: int
) -> None:
    patient.newborn_birthday = NOW.date() - timedelta(days=age)
    patient.save()
    assert desk.tap(babyTreatment="1")["statusCode"] == status


# --- the same day -------------------------------------------------------------------------------------------


def test_a_second_counted_visit_on_the_day_is_told(desk: Desk) -> None:
    assert desk.tap()["isSameDay"] is False
    desk.later(hours=2)
    again = desk.tap("02")
    assert (again["statusCode"], again["isSameDay"], again["sequenceNumber"]) == (5010, True, "0002")


@pytest.mark.parametrize(
    "between",
    [
        pytest.param(lambda desk, first: desk.roll_back(first["treatmentDateTime"]), id="rolled back"),
        pytest.param(lambda desk, first: desk.at(datetime(2026, 3, 3, 0, 0, 0)), id="the next day"),
    ],
)
def test_not_a_second_visit_on_the_day(desk: Desk, between: Callable[[Desk, Reply], object]) -> None:
    first = desk.tap()
    desk.later(seconds=1)
    between(desk, first)
    assert (desk.tap()["statusCode"], desk.now > NOW) == (0, True)


def test_a_visit_elsewhere_or_one_that_does_not_count_makes_no_second_visit(desk: Desk) -> None:
    desk.tap()
    desk.later(seconds=1)
    assert desk.elsewhere().tap()["statusCode"] == 0
    desk.later(seconds=1)
    assert desk.tap("AC")["statusCode"] == 0


# --- identifiers and signatures -----------------------------------------------------------------------------


def _tap(desk: Desk, virtual: Card) -> Reply:
    return desk.tap()


def _late(desk: Desk, virtual: Card) -> Reply:
    return desk.tap(afterCheck="2")


def _virtual(desk: Desk, virtual: Card) -> Reply:
    return desk.insert(virtual).tap()


def _without_card(desk: Desk, virtual: Card) -> Reply:
    return desk.call(NO_CARD, "SAM", "03", patientId=PATIENT)


@pytest.mark.parametrize(
    ("way", "service"),
    [(_tap, "tap"), (_late, "late_tap"), (_virtual, "virtual_tap"), (_without_card, "no_card")],
)
def test_an_identifier_tells_the_insurer_who_where_when_and_how(
    desk: Desk, virtual: Card, way: Callable[[Desk, Card], Reply], service: str
) -> None:
    reply = way(desk, virtual)
    assert facts_behind(reply["treatmentNumber"]) == {
        "person": PATIENT,
        "institution": CLINIC,
        "time": NOW,
        "service": service,
        "key": 1,
    }
    assert (reply["hospitalId"], reply["treatmentDateTime"]) == (CLINIC, rocdate.format_datetime(NOW))


def test_the_identifier_of_a_tap_can_be_asked_for_again(desk: Desk) -> None:
    tapped = desk.tap()
    desk.later(days=3)
    for _ in range(2):
        reply = desk.about("/api/v1/TreatmentNumber/Card", tapped["treatmentDateTime"])
        assert (reply["statusCode"], reply["treatmentNumber"]) == (0, tapped["treatmentNumber"])


def test_a_tap_without_identifier_gets_one_later_for_its_own_second(desk: Desk) -> None:
    tapped = desk.tap()
    Treatment.objects.update(identifier="")
    desk.later(hours=3)
    reply = desk.about("/api/v1/TreatmentNumber/Card", tapped["treatmentDateTime"])
    facts = facts_behind(reply["treatmentNumber"])
    assert (facts["time"], facts["service"], facts["person"]) == (NOW, "card", PATIENT)


def test_somebody_whom_the_register_does_not_know_gets_an_identifier_without_card(desk: Desk) -> None:
    reply = desk.call(NO_CARD, "SAM", "03", patientId="F131104093")
    assert reply["statusCode"] == 0
    assert facts_behind(reply["treatmentNumber"])["person"] == "F131104093"


@pytest.mark.parametrize("item", ["01", "AC", "AE"])
def test_the_security_signature_covers_the_visit(desk: Desk, item: str) -> None:
    reply = desk.tap(item)
    visit = {
        "institution": CLINIC,
        "sam": desk.sam.number,
        "card": desk.hc.number,
        "person": PATIENT,
        "time": reply["treatmentDateTime"],
        "sequence": reply["sequenceNumber"],
        "signature": reply["signature"],
    }
    others = [visit | {name: visit[name] + "1"} for name in visit_signatures.VISIT]
    frame = pl.DataFrame([visit, *others])
    genuine = visit_signatures.visits_signed(authority().keys, frame, pl.Series([NOW] * len(frame)))
    assert genuine.to_list() == [True] + [False] * len(others)


def test_one_patient_one_second_one_visit(desk: Desk) -> None:
    elsewhere = desk.elsewhere()
    assert [desk.tap()["statusCode"], desk.tap()["statusCode"], elsewhere.tap()["statusCode"]] == [0, 3236, 3242]
    assert uses_left(desk.hc) == 5
    desk.later(seconds=1)
    assert desk.tap()["sequenceNumber"] == "0002", "the refused taps took no number"


# --- roll-back ----------------------------------------------------------------------------------------------


def test_a_roll_back_gives_the_use_back_but_not_the_number(desk: Desk) -> None:
    tapped = desk.tap()
    assert desk.roll_back(tapped["treatmentDateTime"])["statusCode"] == 0
    assert uses_left(desk.hc) == 6
    assert number(desk) == "0002"


@pytest.mark.parametrize(("item", "status"), [("01", 0), ("AC", 3219), ("AE", 3219)])
def test_only_a_numbered_visit_is_rolled_back(desk: Desk, item: str, status: int) -> None:
    assert desk.roll_back(desk.tap(item)["treatmentDateTime"])["statusCode"] == status


@pytest.mark.parametrize(
    ("after", "status"),
    [
        (timedelta(hours=24), 0),
        (timedelta(hours=24, microseconds=999_999), 0),
        (timedelta(hours=24, seconds=1), 3218),
    ],
    ids=str,
)
def test_a_visit_is_rolled_back_within_24_hours_to_the_second(desk: Desk, after: timedelta, status: int) -> None:
    tapped = desk.tap()
    desk.at(NOW + after)
    assert desk.roll_back(tapped["treatmentDateTime"])["statusCode"] == status


def test_a_visit_is_rolled_back_once_and_only_where_it_was(desk: Desk) -> None:
    time = desk.tap()["treatmentDateTime"]
    results = [each.roll_back(time)["statusCode"] for each in (desk.elsewhere(), desk, desk)]
    assert results == [3211, 0, 3220]
    assert uses_left(desk.hc) == 6


def test_a_use_given_back_never_exceeds_six(desk: Desk) -> None:
    models.HealthCard.objects.update(uses_left=3)
    time = desk.tap()["treatmentDateTime"]
    desk.call(UPDATE, "SAM HC", "04")
    assert desk.roll_back(time)["statusCode"] == 0
    assert uses_left(desk.hc) == 6


def test_a_card_does_not_roll_back_another_cards_visit(desk: Desk) -> None:
    time = desk.tap()["treatmentDateTime"]
    other = desk.issue("HC", idNo="A223456781", name="測試病患乙", birthday="0800202", sex="F")
    assert desk.with_cards(hc=other).roll_back(time)["statusCode"] == 3208
