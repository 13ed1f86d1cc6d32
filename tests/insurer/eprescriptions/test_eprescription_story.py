"""Prescribe, fetch, dispense, cancel over the API."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st
from tests.insurer.eprescriptions import sheets
from tests.insurer.eprescriptions.programs import Clock, Program, problems, program, told

from nhicard.insurer.audit.models import Entry
from nhicard.insurer.eprescriptions.models import Dispensing, EPrescription
from nhicard.insurer.eprescriptions.services import incentive_events
from nhicard.insurer.incentives.services import sources

pytestmark = pytest.mark.django_db


def audited() -> list[tuple[str, str]]:
    found = Entry.objects.filter(action__startswith="e-prescription.").order_by("number")
    return list(found.values_list("action", "institution"))


def test_a_prescription_is_fetched_dispensed_refill_by_refill_and_then_used_up(
    clinic: Program, pharmacy: Program, other_pharmacy: Program, at: Clock
) -> None:
    bundle = sheets.prescription(clinic.code)
    answer = clinic.prescribe(bundle)
    assert answer.status_code == 201
    code = told(answer)["accessCode"]
    found = pharmacy.fetch(code)
    assert found.status_code == 200
    match, outcome = found.json()["entry"]
    assert match["resource"] == bundle
    assert [issue["details"]["text"][:9] for issue in outcome["resource"]["issue"]] == [
        f"第 {number} 次：待調劑" for number in (1, 2, 3)
    ]
    done = pharmacy.dispense(bundle, code, 1)
    assert done.status_code == 201
    assert told(done)["dispensingNumber"] == 1
    assert problems(other_pharmacy.dispense(bundle, code, 1)) == ["dispensed"]
    assert problems(other_pharmacy.dispense(bundle, code, 3)) == ["out-of-order"]
    at.later(days=28)
    assert other_pharmacy.connect().dispense(bundle, code, 2).status_code == 201
    at.later(days=28)
    assert pharmacy.connect().dispense(bundle, code, 3).status_code == 201
    assert problems(pharmacy.dispense(bundle, code, 4)) == ["beyond"]
    assert problems(clinic.connect().cancel(code)) == ["all-dispensed"]
    assert audited() == [
        ("e-prescription.prescribed", clinic.code),
        ("e-prescription.fetched", pharmacy.code),
        ("e-prescription.dispensed", pharmacy.code),
        ("e-prescription.refused", other_pharmacy.code),
        ("e-prescription.refused", other_pharmacy.code),
        ("e-prescription.dispensed", other_pharmacy.code),
        ("e-prescription.dispensed", pharmacy.code),
        ("e-prescription.refused", pharmacy.code),
        ("e-prescription.refused", clinic.code),
    ]


def test_the_same_upload_is_the_same_prescription_with_the_same_code(clinic: Program, settings: Any) -> None:
    bundle = sheets.prescription(clinic.code)
    first, again = clinic.prescribe(bundle), clinic.prescribe(json.dumps(bundle, indent=2))
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another"
    with_another_secret = clinic.prescribe(bundle)
    assert [first.status_code, again.status_code, with_another_secret.status_code] == [201, 200, 200]
    assert first.json() == again.json() == with_another_secret.json()
    assert first["Location"] == again["Location"]
    settings.SECRET_KEY_FALLBACKS = []
    assert problems(clinic.prescribe(bundle)) == ["code-lost"]
    assert EPrescription.objects.count() == 1
    assert told(first)["accessCode"] not in str(EPrescription.objects.values().get())


def test_a_number_is_used_once(clinic: Program, other_clinic: Program) -> None:
    assert clinic.prescribe(sheets.prescription(clinic.code)).status_code == 201
    changed = sheets.prescription(clinic.code, repeats=2)
    assert problems(clinic.prescribe(changed)) == ["number-used"]
    assert other_clinic.prescribe(sheets.prescription(other_clinic.code)).status_code == 201


@pytest.fixture
def other_clinic(db: None, at: Clock) -> Program:
    return program("clinic").connect()


def test_a_prescription_of_another_institution_is_refused(clinic: Program, other_clinic: Program) -> None:
    answer = clinic.prescribe(sheets.prescription(other_clinic.code))
    assert (answer.status_code, problems(answer)) == (403, ["other-institution"])
    assert not EPrescription.objects.exists()


def test_one_that_has_expired_already_is_refused(clinic: Program, at: Clock) -> None:
    at.later(days=4)
    answer = clinic.connect().prescribe(sheets.prescription(clinic.code, kind="A", repeats=1, days=3))
    assert (answer.status_code, problems(answer)) == (422, ["validity"])


@pytest.mark.parametrize("kind", "ABCDEF")
def test_every_kind_goes_all_the_way(clinic: Program, pharmacy: Program, kind: str) -> None:
    bundle = sheets.prescription(clinic.code, kind=kind, repeats=1)
    code = told(clinic.prescribe(bundle))["accessCode"]
    assert pharmacy.dispense(bundle, code).status_code == 201
    assert problems(pharmacy.dispense(bundle, code, batch="LOT-2")) == ["dispensed"]


def test_a_self_paid_one_needs_no_visit_identifier(clinic: Program, pharmacy: Program) -> None:
    bundle = sheets.prescription(clinic.code, visit="", paid="Y")
    code = told(clinic.prescribe(bundle))["accessCode"]
    assert pharmacy.dispense(bundle, code, 1).status_code == 201
    assert problems(pharmacy.dispense(bundle, code, 3)) == ["out-of-order"]


def test_the_same_sheet_is_the_same_dispensing(clinic: Program, pharmacy: Program) -> None:
    bundle = sheets.prescription(clinic.code)
    code = told(clinic.prescribe(bundle))["accessCode"]
    first, again = pharmacy.dispense(bundle, code), pharmacy.dispense(bundle, code)
    assert [first.status_code, again.status_code] == [201, 200]
    assert first.json() == again.json()
    assert Dispensing.objects.count() == 1
    sheet = pharmacy.get(first["Location"].removeprefix("/fhir/"))
    assert sheet.json() == sheets.dispensing(bundle, code, pharmacy.code, 1, f"DS{pharmacy.code}00000001")


@pytest.mark.parametrize(
    ("days", "status", "found"), [(0, 201, None), (89, 201, None), (90, 409, ["expired"]), (-1, 409, ["not-yet"])]
)
def test_it_may_be_dispensed_from_its_first_to_its_last_day(
    clinic: Program, pharmacy: Program, at: Clock, days: int, status: int, found: list[str] | None
) -> None:
    bundle = sheets.prescription(clinic.code)
    code = told(clinic.prescribe(bundle))["accessCode"]
    at.later(days=days)
    answer = pharmacy.connect().dispense(bundle, code)
    assert answer.status_code == status
    assert found is None or problems(answer) == found


def test_a_refill_long_before_its_time_is_taken_with_a_note(clinic: Program, pharmacy: Program, at: Clock) -> None:
    bundle = sheets.prescription(clinic.code)
    code = told(clinic.prescribe(bundle))["accessCode"]
    assert "outcome" not in told(pharmacy.dispense(bundle, code, 1))
    at.later(days=17)
    note = told(pharmacy.connect().dispense(bundle, code, 2))["outcome"]["issue"][0]
    assert note["severity"] == "information"
    assert "2026-03-20" in note["details"]["text"]  # 28 days of supply less the ten that may be early
    at.later(days=29)
    assert "outcome" not in told(pharmacy.connect().dispense(bundle, code, 3))


@pytest.mark.parametrize(
    ("change", "status", "found"),
    [
        ({"number": "RX9999"}, 409, "differs"),
        ({"kind": "F"}, 409, "differs"),
        ({"visit": "9" * 20}, 409, "differs"),
        ({"institution": "3501299999"}, 409, "differs"),
    ],
    ids=str,
)
def test_a_sheet_of_another_prescription_is_refused(
    clinic: Program, pharmacy: Program, change: dict[str, Any], status: int, found: str
) -> None:
    code = told(clinic.prescribe(sheets.prescription(clinic.code)))["accessCode"]
    answer = pharmacy.dispense(sheets.prescription(**{"institution": clinic.code, **change}), code)
    assert (answer.status_code, problems(answer)) == (status, [found])


def test_who_has_not_the_access_code_finds_nothing(clinic: Program, pharmacy: Program, other_clinic: Program) -> None:
    bundle = sheets.prescription(clinic.code)
    answer = clinic.prescribe(bundle)
    address, code = answer["Location"].removeprefix("/fhir/"), told(answer)["accessCode"]
    wrong = code[:-1] + ("0" if code[-1] != "0" else "1")
    for refused in (
        pharmacy.fetch(wrong),
        pharmacy.dispense(bundle, wrong),
        pharmacy.get(address),
        pharmacy.get(address, **{"Access-Code": wrong}),
        other_clinic.cancel(code),
    ):
        assert (refused.status_code, problems(refused)) == (404, ["not-found"])
    assert pharmacy.get(address, **{"Access-Code": code}).json() == bundle
    assert clinic.get(address).json() == bundle


def test_nobody_dispenses_in_the_name_of_another(clinic: Program, pharmacy: Program, other_pharmacy: Program) -> None:
    bundle = sheets.prescription(clinic.code)
    code = told(clinic.prescribe(bundle))["accessCode"]
    answer = pharmacy.send("Bundle/$dispense", sheets.dispensing(bundle, code, other_pharmacy.code))
    assert (answer.status_code, problems(answer)) == (403, ["other-institution"])


def test_what_is_cancelled_is_not_dispensed(clinic: Program, pharmacy: Program) -> None:
    bundle = sheets.prescription(clinic.code)
    code = told(clinic.prescribe(bundle))["accessCode"]
    pharmacy.dispense(bundle, code, 1)
    assert [clinic.cancel(code).status_code, clinic.cancel(code).status_code] == [200, 200]
    assert problems(pharmacy.dispense(bundle, code, 2)) == ["cancelled"]
    match, outcome = pharmacy.fetch(code).json()["entry"]
    assert sheets.one(match["resource"], "MedicationRequest")["status"] == "cancelled"
    assert ["已調劑" in outcome["resource"]["issue"][0]["details"]["text"]] == [True]
    assert "已註銷" in outcome["resource"]["issue"][1]["details"]["text"]
    assert [action for action, _ in audited()].count("e-prescription.cancelled") == 1


def test_a_code_in_a_url_is_refused_with_the_way_to_ask(clinic: Program) -> None:
    code = told(clinic.prescribe(sheets.prescription(clinic.code)))["accessCode"]
    answer = clinic.get(f"Bundle?identifier={code}")
    assert (answer.status_code, problems(answer)) == (400, ["code-in-url"])
    assert "POST" in answer.json()["issue"][0]["diagnostics"]
    form = "application/x-www-form-urlencoded"
    assert problems(clinic.send(f"Bundle/_search?identifier={code}", "_count=1", form)) == ["code-in-url"]
    assert problems(clinic.send("Bundle/_search", f"identifier=urn:other%7C{code}", form)) == ["search"]
    assert clinic.send("Bundle/_search", f"identifier={code}", form).status_code == 200


def test_wrong_methods_and_media_are_told(clinic: Program) -> None:
    assert clinic.get("Bundle/$dispense").status_code == 405
    assert clinic.browser.delete("/fhir/Bundle").status_code == 405
    assert clinic.send("Bundle", "<Bundle/>", "application/fhir+xml").status_code == 415
    assert clinic.send("Bundle/$cancel", "[").status_code == 400
    assert clinic.send("Bundle", b" " * (1024 * 1024 + 1)).status_code == 413


def test_the_capability_statement_is_fhir_and_open(client: Any) -> None:
    from fhir.resources.R4B.capabilitystatement import CapabilityStatement

    answer = client.get("/fhir/metadata")
    statement = CapabilityStatement.model_validate(answer.json())
    assert statement.fhirVersion == "4.0.1"
    assert answer["Content-Type"] == "application/fhir+json"


texts = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), min_size=1, max_size=20)


@hypothesis(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=texts.filter(str.strip),
    weight=st.decimals(1, 300, places=3, allow_nan=False),
    number=st.from_regex(r"[!-~]{1,64}", fullmatch=True),
)
def test_what_is_fetched_is_what_was_sent(
    clinic: Program, pharmacy: Program, name: str, weight: Any, number: str
) -> None:
    bundle = sheets.prescription(clinic.code, number=number)
    sheets.one(bundle, "Patient")["name"] = [{"text": name.strip()}]
    content = sheets.sent(bundle).replace(b"70.5", str(weight).encode())
    answer = clinic.prescribe(content)
    if problems_of_number_used(answer):
        return  # two examples with one number
    found = pharmacy.fetch(told(answer)["accessCode"]).content.decode()
    assert content.decode() in found
    assert json.loads(found)["entry"][0]["resource"] == json.loads(content)


def problems_of_number_used(answer: Any) -> bool:
    return answer.status_code == 409 and problems(answer) == ["number-used"]


def test_a_pharmacy_that_dispensed_has_earned_its_event(clinic: Program, pharmacy: Program, at: Clock) -> None:
    bundle = sheets.prescription(clinic.code)
    code = told(clinic.prescribe(bundle))["accessCode"]
    before = at.now
    at.later(hours=1)
    first = told(pharmacy.connect().dispense(bundle, code, 1))["id"]
    at.later(days=28)
    clinic.connect().dispense(bundle, code, 2)  # no pharmacy
    assert incentive_events.events(before).is_empty()
    (row,) = incentive_events.events(at.now).rows(named=True)
    assert row == {
        "institution": pharmacy.code,
        "kind": "e_prescription_uploaded",
        "happened_on": sheets.TODAY,
        "recorded_at": before + timedelta(hours=1),
        "detail": "",
        "evidence": f"dispensing {first}",
    }
    assert incentive_events.events(at.now, institutions=[clinic.code]).is_empty()
    assert sources._checked(incentive_events.events, incentive_events.events(at.now)).height == 1
