"""Refills are shared with uploaded visits: what one side dispensed or cancelled the other refuses."""

from __future__ import annotations

import pytest
from tests.insurer.eprescriptions import sheets
from tests.insurer.eprescriptions.programs import Clock, Program, problems, program, told
from tests.insurer.intake import test_records_on_file as uploads
from tests.insurer.intake.test_records_on_file import CLINIC, OTHER_PHARMACY, PHARMACY, PRESCRIBED, PRESCRIPTION, SECOND

from nhicard.checks.cases.cases import changed
from nhicard.insurer.intake.models import EditionState, Refill

pytestmark = pytest.mark.django_db
HERE = "DS90123456789ABCDEFG"
SECOND_VISIT = SECOND[0]["M15"]
BUNDLE = sheets.prescription(CLINIC, visit=PRESCRIPTION)


@pytest.fixture(autouse=True)
def qualified(db: None) -> None:
    for code in (CLINIC, PHARMACY, OTHER_PHARMACY):
        EditionState.objects.create(institution=code, qualified_at=uploads.NOON.replace(year=2020))


@pytest.fixture
def clinic(db: None, at: Clock) -> Program:
    return program("clinic", code=CLINIC).connect()


@pytest.fixture
def pharmacy(db: None, at: Clock) -> Program:
    return program("pharmacy", code=PHARMACY).connect()


@pytest.fixture
def other_pharmacy(db: None, at: Clock) -> Program:
    return program("pharmacy", code=OTHER_PHARMACY).connect()


@pytest.fixture
def code(clinic: Program) -> str:
    return str(told(clinic.prescribe(BUNDLE))["accessCode"])


def refills() -> list[tuple[int, str, str, bool]]:
    rows = Refill.objects.filter(identifier=PRESCRIPTION).order_by("number")
    return list(rows.values_list("number", "dispensed_by", "dispensed_identifier", "cancelled"))


def second_by(institution: str, visit: str) -> dict[int | None, set[str]]:
    """An institution uploads that it dispensed the second refill."""
    time = "1121017093015"
    record = changed("2.0", SECOND, (f"M05={institution}", f"M15={visit}", f"M11={time}", f"D01[*]={time}"))
    return uploads.upload(record)


def test_the_patient_of_the_cases_is_the_patient_of_the_sheets() -> None:
    assert (PRESCRIBED[0]["M03"], PRESCRIBED[0]["M15"], PRESCRIBED[0]["M26"]) == (sheets.PATIENT, PRESCRIPTION, "3")


def test_prescribing_alone_leaves_the_uploads_rules_as_they_were(code: str) -> None:
    assert refills() == []
    assert uploads.upload(PRESCRIBED) == {}
    assert [row[:2] for row in refills()] == [(1, CLINIC), (2, ""), (3, "")]


def test_what_was_dispensed_here_no_upload_dispenses_again(
    code: str, pharmacy: Program, other_pharmacy: Program
) -> None:
    uploads.upload(PRESCRIBED)
    assert problems(pharmacy.dispense(BUNDLE, code, 1)) == ["dispensed"]  # with the visit, by the clinic itself
    assert pharmacy.dispense(BUNDLE, code, 2, visit=HERE).status_code == 201
    assert refills()[1] == (2, PHARMACY, HERE, False)
    assert "D025" in second_by(OTHER_PHARMACY, "9Z2B3C4D5E6F7G8H9J0K")[1]
    assert second_by(PHARMACY, HERE) == {}, "the upload of the same dispensing"
    assert refills()[1] == (2, PHARMACY, HERE, False)


def test_what_was_dispensed_before_the_visit_was_uploaded_stays_dispensed(code: str, pharmacy: Program) -> None:
    assert pharmacy.dispense(BUNDLE, code, 1, visit=HERE).status_code == 201
    assert [row[:2] for row in refills()] == [(1, PHARMACY), (2, ""), (3, "")]
    uploads.upload(changed("2.0", PRESCRIBED, ("M33=-",)))
    assert [row[:2] for row in refills()] == [(1, PHARMACY), (2, ""), (3, "")]


def test_what_an_upload_dispensed_is_not_dispensed_here(code: str, pharmacy: Program, other_pharmacy: Program) -> None:
    uploads.upload(PRESCRIBED)
    uploads.upload(SECOND)
    assert problems(other_pharmacy.dispense(BUNDLE, code, 2)) == ["dispensed"]
    assert problems(pharmacy.dispense(BUNDLE, code, 2)) == ["dispensed"], "another dispensing by its own visit"
    assert pharmacy.dispense(BUNDLE, code, 2, visit=SECOND_VISIT).status_code == 201, "the sheet of the same one"
    assert other_pharmacy.dispense(BUNDLE, code, 3).status_code == 201


def test_an_earlier_uploaded_dispensing_is_found_without_the_prescribing_visit(
    code: str, pharmacy: Program, other_pharmacy: Program
) -> None:
    assert uploads.upload(SECOND) == {}  # accepted with a warning: the prescription is not on file yet
    assert other_pharmacy.dispense(BUNDLE, code, 1).status_code == 201
    assert [row[:2] for row in refills()] == [(1, OTHER_PHARMACY), (2, PHARMACY), (3, "")]
    assert problems(other_pharmacy.dispense(BUNDLE, code, 2)) == ["dispensed"]


def test_what_is_cancelled_here_no_upload_dispenses(code: str, clinic: Program) -> None:
    assert clinic.cancel(code).status_code == 200
    assert [row[1:] for row in refills()] == [("", "", True)] * 3
    assert "D023" in uploads.upload(SECOND)[1]


def test_what_an_upload_cancelled_is_not_dispensed_here(code: str, pharmacy: Program) -> None:
    uploads.upload(PRESCRIBED)
    uploads.upload(uploads.rec("cancellation", family="refills"))
    assert problems(pharmacy.dispense(BUNDLE, code, 2)) == ["cancelled"]
    uploads.upload(uploads.rec("restoration", family="refills"))
    assert pharmacy.dispense(BUNDLE, code, 2).status_code == 201


def test_refills_of_the_other_kind_of_list_stay(code: str, clinic: Program, pharmacy: Program) -> None:
    Refill.objects.create(
        identifier=PRESCRIPTION,
        is_precheck=False,
        list_kind="F",
        number=1,
        institution=CLINIC,
        patient_id=sheets.PATIENT,
    )
    assert pharmacy.dispense(BUNDLE, code, 1).status_code == 201
    assert clinic.cancel(code).status_code == 200
    assert Refill.objects.values_list("dispensed_by", "cancelled").get(list_kind="F") == ("", False)
