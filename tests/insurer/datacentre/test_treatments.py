"""What a visit is given after the tap: diagnoses, fees, orders with their signatures; and what is read back."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import polars as pl
import pytest
from tests.insurer.datacentre.calls import CODES, DIAGNOSES, OLD_ORDERS, ORDERS
from tests.insurer.desk import CLINIC, NOW, OTHER_CLINIC, PATIENT, PHYSICIAN, Desk, Reply

from nhicard.identity import visit_signatures
from nhicard.insurer.datacentre import policy
from nhicard.insurer.datacentre.models import Prescription, Treatment
from nhicard.insurer.registry import models
from nhicard.insurer.registry.authority import authority

FEES = ("outpatientFee", "costFee", "inpatientFee", "inpatient30Fee", "inpatient180Fee")
VISITS = "/api/v1/Treatment/NoNeedHPC"

# One order as three programs write it: bare values, the field widths of the old DLL, JSON numbers.
BARE = {"treatmentItem": "1", "treatmentItemCode": "A000015421", "usage": "TID", "days": "7", "totalQuantity": "21"}
DLL = {
    "treatmentItem": "1",
    "treatmentItemCode": "A000015421  ",
    "treatmentPosition": "      ",
    "usage": "TID               ",
    "days": "07",
    "totalQuantity": "00021.0",
    "deliveryNotes": "  ",
}
NUMBERS = BARE | {"treatmentItem": 1, "days": 7, "totalQuantity": 21.00, "treatmentPosition": None}
PROCEDURE = {
    "treatmentItem": "3",
    "treatmentItemCode": "48001C      ",
    "treatmentPosition": "      ",
    "usage": " " * 18,
    "days": "00",
    "totalQuantity": "0000001",
    "deliveryNotes": "03",
}
MATERIAL = {"treatmentItem": "4", "treatmentItemCode": "FSP010010001", "totalQuantity": "2.50", "deliveryNotes": "03"}


@pytest.fixture
def visit(desk: Desk) -> str:
    """The time of a tap just made."""
    return str(desk.tap()["treatmentDateTime"])


def write(desk: Desk, time: str, *orders: dict[str, Any]) -> list[str]:
    reply = desk.call(ORDERS, "SAM HC", "02", treatmentDateTime=time, prescriptions=list(orders))
    assert reply["statusCode"] == 0, reply
    assert reply["signatureItems"] == [base64.b64encode(bytes.fromhex(each)).decode() for each in signatures(reply)]
    return signatures(reply)


def signatures(reply: Reply) -> list[str]:
    return list(reply["hexSignatureItems"])


def code(desk: Desk, time: str, **extra: Any) -> Reply:
    return desk.call(CODES, "SAM HC", "02", **{"treatmentDateTime": time, "mainCode": "J069"} | extra)


# --- diagnoses and fees -------------------------------------------------------------------------------------


def test_diagnoses_and_fees_are_written_once(desk: Desk, visit: str) -> None:
    assert code(desk, visit, subCode1="E119", subCode2="", costFee=350)["statusCode"] == 0
    assert code(desk, visit, mainCode="I10", costFee=0)["statusCode"] == 3209
    written = Treatment.objects.get()
    assert (written.main_code, written.sub_codes, written.fees["costFee"]) == ("J069", ["E119"], 350)


@pytest.mark.parametrize(
    ("sent", "stored"),
    [(350, 350), ("350", 350), ("00000350", 350), (" 350 ", 350), ("", 0), (None, 0), (350.0, 350), (0, 0)],
)
def test_fees_come_as_clients_write_them(desk: Desk, visit: str, sent: Any, stored: int) -> None:
    assert code(desk, visit, **dict.fromkeys(FEES, sent))["statusCode"] == 0
    assert Treatment.objects.get().fees == dict.fromkeys(FEES, stored)


@pytest.mark.parametrize("sent", [-1, "-1", 12.5, "12.5", 100_000_000, "many", float("nan"), [1], {}])
def test_what_is_no_fee_is_refused_and_can_be_corrected(desk: Desk, visit: str, sent: Any) -> None:
    assert code(desk, visit, costFee=sent)["statusCode"] == 1706
    assert code(desk, visit, costFee=1)["statusCode"] == 0


def test_a_late_card_is_written_as_one(desk: Desk) -> None:
    time = desk.tap(afterCheck="2")["treatmentDateTime"]
    assert [code(desk, time, afterCheck=mark)["statusCode"] for mark in ("1", 2)] == [3227, 0]


def test_diagnoses_and_fees_are_read_back(desk: Desk, visit: str) -> None:
    code(desk, visit, subCode1="E119", subCode2="I10", outpatientFee=50, costFee=350)
    [diagnosis] = desk.call(DIAGNOSES, "SAM HC HPC", "01", format="0")["treatments"]
    assert diagnosis == {
        "treatDateTime": visit,
        "mainCode": "J069",
        "subCode1": "E119",
        "subCode2": "I10",
        "subCode3": "",
        "subCode4": "",
        "subCode5": "",
    }
    [seen] = desk.call(VISITS, "SAM HC", "01")["treatments"]
    assert seen == {
        "treatmentItem": "01",
        "treatDateTime": visit,
        "afterCheck": "1",
        "hospitalVisit": "0001",
        "hospitalId": CLINIC,
        "outpatientFee": 50,
        "costFee": 350,
        "inpatientFee": 0,
        "inpatient30Fee": 0,
        "inpatient180Fee": 0,
    }


# --- orders -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("other", [DLL, NUMBERS], ids=["DLL widths", "JSON numbers"])
def test_one_order_has_one_signature_however_it_is_written(desk: Desk, visit: str, other: dict[str, Any]) -> None:
    assert write(desk, visit, BARE) == write(desk, visit, other)


@pytest.mark.parametrize(
    "other",
    [
        {"treatmentItemCode": "A000015422"},
        {"usage": "QID"},
        {"days": "70"},
        {"totalQuantity": "2.1"},
        {"totalQuantity": "210"},
        {"treatmentPosition": "11"},
    ],
    ids=str,
)
def test_another_order_has_another_signature(desk: Desk, visit: str, other: dict[str, Any]) -> None:
    one, two = write(desk, visit, BARE, BARE | other)
    assert one != two


def test_orders_are_signed_in_their_order(desk: Desk, visit: str) -> None:
    drugs, procedure, material = write(desk, visit, BARE, PROCEDURE, MATERIAL)
    assert write(desk, visit, MATERIAL, BARE, PROCEDURE) == [material, drugs, procedure]


def test_two_writes_and_their_repetition_store_each_order_once(desk: Desk, visit: str) -> None:
    for _ in range(2):
        write(desk, visit, PROCEDURE)
        write(desk, visit, BARE, MATERIAL)
    stored = Prescription.objects.order_by("pk").values_list("code", flat=True)
    assert list(stored) == ["48001C", "A000015421", "FSP010010001"]


def test_prescription_signatures_verify_for_this_visit_only(desk: Desk, visit: str) -> None:
    orders = [BARE, PROCEDURE, MATERIAL]
    uploaded = [_as_uploaded(visit, *each) for each in zip(orders, write(desk, visit, *orders), strict=True)]
    forged = [uploaded[0] | {name: uploaded[0][name] + "1"} for name in visit_signatures.ORDER]
    frame = pl.DataFrame(uploaded + forged)
    genuine = visit_signatures.orders_signed(authority().keys, frame, pl.Series([NOW] * len(frame)))
    assert genuine.to_list() == [True] * len(uploaded) + [False] * len(forged)


def _as_uploaded(time: str, order: dict[str, Any], signature: str) -> dict[str, str]:
    return {
        "institution": CLINIC,
        "person": PATIENT,
        "time": time,
        "code": order["treatmentItemCode"],
        "site": order.get("treatmentPosition", ""),
        "usage": order.get("usage", ""),
        "days": order.get("days", ""),
        "total": order["totalQuantity"],
        "signature": signature,
    }


@pytest.mark.parametrize(
    ("orders", "status"),
    [
        ([], 1706),
        ([BARE] * 500, 0),
        ([BARE] * 501, 1706),
        ([BARE | {"treatmentItemCode": ""}], 1706),
        ([BARE | {"treatmentItemCode": "A" * 13}], 1706),
        ([BARE | {"treatmentItemCode": "A\x1f11"}], 1706),
        ([BARE | {"days": "100"}], 1706),
        ([{"days": "1"}], 1705),
        ("A000015421", 1706),
    ],
    ids=["none", "500", "501", "no code", "13 characters", "separator", "100 days", "code missing", "no list"],
)
def test_orders_that_no_card_can_hold_are_refused_whole(desk: Desk, visit: str, orders: Any, status: int) -> None:
    reply = desk.call(ORDERS, "SAM HC", "02", treatmentDateTime=visit, prescriptions=orders)
    assert reply["statusCode"] == status
    assert Prescription.objects.exists() is (status == 0)


def test_nothing_is_written_to_a_visit_that_was_rolled_back(desk: Desk, visit: str) -> None:
    desk.roll_back(visit)
    assert code(desk, visit)["statusCode"] == 3220
    reply = desk.call(ORDERS, "SAM HC", "02", treatmentDateTime=visit, prescriptions=[BARE])
    assert (reply["statusCode"], reply["hexSignatureItems"]) == (3220, [])


# --- who may read -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("profession", "path", "status"),
    [
        ("physician", DIAGNOSES, 0),
        ("pharmacist", DIAGNOSES, 3212),
        ("nurse", DIAGNOSES, 3212),
        ("physician", OLD_ORDERS, 0),
        ("pharmacist", OLD_ORDERS, 0),
        ("nurse", OLD_ORDERS, 3243),
        ("other", OLD_ORDERS, 3243),
        ("nurse", "/api/v1/CriticalIllness/Query", 0),
    ],
)
def test_professions_read_what_is_theirs(desk: Desk, visit: str, profession: str, path: str, status: int) -> None:
    models.StaffMember.objects.filter(id_no=PHYSICIAN).update(profession=profession)
    assert desk.call(path, "SAM HC HPC", "01", format="0")["statusCode"] == status


def _visits(desk: Desk, count: int) -> Iterator[str]:
    models.HealthCard.objects.update(uses_left=6)
    for _ in range(count):
        desk.later(minutes=1)
        yield desk.tap("AC")["treatmentDateTime"]


def test_the_last_six_visits_are_shown_without_those_rolled_back(desk: Desk) -> None:
    *_, latest = times = list(_visits(desk, policy.TREATMENTS_SHOWN + 1))
    desk.later(minutes=1)
    undone = desk.tap()["treatmentDateTime"]
    write(desk, undone, BARE)
    desk.roll_back(undone)
    shown = [row["treatDateTime"] for row in desk.call(VISITS, "SAM HC", "01")["treatments"]]
    assert shown == times[:0:-1]
    assert shown[0] == latest
    diagnosed = desk.call(DIAGNOSES, "SAM HC HPC", "01")["treatments"]
    assert [row["treatDateTime"] for row in diagnosed] == shown
    assert desk.call(OLD_ORDERS, "SAM HC HPC", "01")["outpatientPrescriptions"] == []


def test_the_last_sixty_orders_are_shown_the_newest_visit_first(desk: Desk) -> None:
    for time in _visits(desk, 2):
        write(desk, time, *(BARE | {"treatmentItemCode": f"A{n:09}", "usage": "TID"} for n in range(40)))
    shown = desk.call(OLD_ORDERS, "SAM HC HPC", "01")["outpatientPrescriptions"]
    assert [row["treatmentItemCode"] for row in shown] == [f"A{n:09}" for n in [*range(40), *range(20)]]
    assert shown[0]["treatmentDateTime"] > shown[-1]["treatmentDateTime"]
    assert {key: value for key, value in shown[0].items() if key != "treatmentDateTime"} == {
        "treatmentItem": "1",
        "treatmentItemCode": "A000000000",
        "treatmentPosition": "",
        "usage": "TID",
        "days": "7",
        "totalQuantity": "21",
    }


def test_another_institution_sees_the_visits_but_does_not_write_to_them(desk: Desk, visit: str) -> None:
    elsewhere = desk.elsewhere()
    assert [row["treatDateTime"] for row in elsewhere.call(VISITS, "SAM HC", "01")["treatments"]] == [visit]
    assert code(elsewhere, visit)["statusCode"] == 3211
    elsewhere.later(seconds=1)
    assert elsewhere.tap()["statusCode"] == 0
    seen = desk.call(VISITS, "SAM HC", "01")["treatments"]
    assert [row["hospitalId"] for row in seen] == [OTHER_CLINIC, CLINIC]


def test_critical_illnesses_that_hold_today_are_shown(desk: Desk, patient: models.InsuredPerson) -> None:
    day = NOW.date()
    for number in range(8):
        since = day.replace(year=2020 + number % 6)
        models.CriticalIllness.objects.create(person=patient, code=f"C{number}", valid_from=since, valid_until=day)
    past, coming = day.replace(day=1), day.replace(day=3)
    models.CriticalIllness.objects.create(person=patient, code="PAST", valid_from=past, valid_until=past)
    models.CriticalIllness.objects.create(person=patient, code="COMING", valid_from=coming)
    rows = desk.call("/api/v1/CriticalIllness/Query", "SAM HC HPC", "01", format="0")["criticalIllnesses"]
    starts = [row["validityStart"] for row in rows]
    assert len(rows) == 6
    assert starts == sorted(starts, reverse=True)
    assert {row["ciCode"] for row in rows} <= {f"C{number}" for number in range(8)}
    assert desk.call(VISITS, "SAM HC", "01")["criticalIllnesses"] == rows
