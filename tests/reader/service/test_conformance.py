"""The service as programs written for control software 6.0 drive it: their order of calls, their sloppy forms."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

import pytest

from nhicard.identity.virtual_token import Setting
from nhicard.insurer.registry.models import HealthCard
from nhicard.reader.issuing import Holder, issue
from nhicard.reader.service.paths import PATHS
from tests.reader.service import wire
from tests.reader.service.room import (
    CLINIC,
    NOW,
    PATIENT,
    PHONE_OWNER,
    PIN,
    REPRESENTATIVE,
    Insurer,
    Json,
    Room,
)

ALREADY = 1001
FEES = {"outpatientFee": 150, "costFee": 320.0, "inpatientFee": 0, "inpatient30Fee": 0, "inpatient180Fee": 0}
NO_CODES = {f"subCode{place}": "" for place in range(1, 6)}

every_path = pytest.mark.parametrize(("method", "path"), wire.LOCAL, ids=map(" ".join, wire.LOCAL))


def states(room: Room) -> Json:
    """initialized, sam, hpc and hc of Status."""
    status = room.local("GET", wire.STATUS)["status"]
    assert set(status) == {"initialized", "sam", "hpc", "hc"}
    return {"initialized": status["initialized"]} | {name: status[name]["status"] for name in ("sam", "hpc", "hc")}


def with_counter(insurer: Insurer, number: str, **facts: Any) -> None:
    """Let the insurer's register say something else of a card."""
    assert insurer.do(lambda: HealthCard.objects.filter(number=number).update(**facts)) == 1


def test_the_session_begins_in_the_order_of_real_programs(room: Room) -> None:
    assert states(room) == {"initialized": False, "sam": 0, "hpc": 1, "hc": 1}
    assert room.local("POST", wire.FINALIZE)["statusCode"] == 0
    assert room.local("POST", wire.INITIAL, {"name": ""})["statusCode"] == 0
    assert room.local("POST", wire.INITIAL, {"name": ""})["statusCode"] == ALREADY
    assert states(room)["sam"] == 1
    assert room.local("POST", wire.VERIFY_SAM)["statusCode"] == 0
    assert room.local("POST", wire.VERIFY_HPC, {"pin": PIN})["statusCode"] == 0
    assert states(room) == {"initialized": True, "sam": 2, "hpc": 3, "hc": 1}
    room.remove(2)
    room.remove(3)
    assert states(room) == {"initialized": True, "sam": 2, "hpc": 0, "hc": 0}
    assert room.local("POST", wire.FINALIZE)["statusCode"] == 0
    assert states(room)["initialized"] is False


def test_what_was_verified_is_forgotten_by_logout_finalize_and_pulling_the_card(room: Room) -> None:
    def verified_again_after(act: Any) -> bool:
        assert room.local("POST", wire.VERIFY_HPC, {"pin": PIN})["statusCode"] == 0
        assert states(room)["hpc"] == 3
        act()
        return bool(states(room)["hpc"] == 3)

    def pulled_and_put_back() -> None:
        room.remove(2)
        room.insert(2, "physician")

    assert not verified_again_after(lambda: room.local("DELETE", wire.HPC_LOGOUT))
    assert not verified_again_after(lambda: room.local("POST", wire.FINALIZE))
    assert not verified_again_after(pulled_and_put_back)


def test_a_keypad_s_000000_is_a_pin_like_any_other_here(room: Room, insurer: Insurer) -> None:
    """Programs send it where the reader has a keypad; a simulated card with this PIN takes the keypad's place."""
    holder = Holder(id_no=REPRESENTATIVE, name="測試醫師", profession="physician")
    issue("HPC", holder, room.card("keypad"), post=insurer.post, today=NOW.date(), pin="000000", puk="24681357")
    room.insert(2, "keypad")
    room.opened(staff="000000")
    assert states(room)["hpc"] == 3


def test_a_visit_from_registration_to_the_last_signature(room: Room) -> None:
    room.opened(staff=PIN)
    assert room.local("DELETE", wire.HC_LOGOUT)["statusCode"] == 0
    basic = room.signed("Hc", "01", "/api/v1/BasicData/Query")
    assert (basic["statusCode"], basic["idCardNum"], basic["sex"], basic["birthday"]) == (0, PATIENT, "M", "0790101")
    register = room.signed("Hc", "01", "/api/v1/BasicData/Register")
    assert (register["insurerId"], register["cancelTermination"]) == ("3", "1")
    assert room.signed("Hc", "01", "/api/v1/BasicData/Register2")["treatmentCounter"] == 6
    assert room.signed("Hc", "01", "/api/v1/EmergentTel/Query")["statusCode"] == 0

    tap = room.tap()
    assert tap["statusCode"] == 0
    assert re.fullmatch(r"\d{13}", tap["treatmentDateTime"])
    assert (tap["sequenceNumber"], tap["hospitalId"], tap["samId"]) == ("0001", CLINIC, room.number("sam"))
    assert re.fullmatch(r"[0-9A-Z]{20}", tap["treatmentNumber"])
    at = {"treatmentDateTime": tap["treatmentDateTime"]}
    assert room.signed("Hc", "03", "/api/v1/TreatmentNumber/Card", **at)["treatmentNumber"] == tap["treatmentNumber"]

    diagnosis = at | {"afterCheck": "1", "mainCode": "J0190"} | NO_CODES | FEES
    assert room.signed("Hc", "02", "/api/v1/Treatment/WriteCodeFee", **diagnosis)["statusCode"] == 0
    assert room.signed("Hc", "02", "/api/v1/Treatment/WriteCodeFee", **diagnosis)["statusCode"] == 3209

    signatures = [prescribed(room, tap["treatmentDateTime"], rows) for rows in (DRUGS, PROCEDURES)]
    assert [len(each) for each in signatures] == [2, 1]
    assert room.local("DELETE", wire.HC_LOGOUT)["statusCode"] == 0
    old = room.signed("HpcHc", "01", "/api/v1/Prescription/Query", format="0")["outpatientPrescriptions"]
    assert [row["treatmentItemCode"] for row in old] == ["A000015421", "AB48089100", "48001C"]
    assert room.signed("HpcHc", "01", "/api/v1/Treatment/NeedHPC", format="0")["treatments"][0]["mainCode"] == "J0190"
    assert room.signed("HpcHc", "01", "/api/v1/CriticalIllness/Query", format="0")["criticalIllnesses"] == []
    assert room.signed("Hc", "01", "/api/v1/Treatment/NoNeedHPC")["treatments"][0]["costFee"] == 320


# One program's two forms: drugs as people write them, procedures as wide as the buffers of the old library.
DRUGS = [
    {"days": "7", "deliveryNotes": "01", "totalQuantity": "21.00", "treatmentItem": "1", "treatmentItemCode": code,
     "treatmentPosition": "", "usage": "TID"}
    for code in ("A000015421", "AB48089100")
]  # fmt: skip
PROCEDURES = [
    {"days": "00", "deliveryNotes": "03", "totalQuantity": "0000001", "treatmentItem": "3",
     "treatmentItemCode": "48001C      ", "treatmentPosition": "      ", "usage": "                  "}
]  # fmt: skip


def prescribed(room: Room, time: str, rows: list[Json]) -> list[str]:
    """One signature an order, the two forms of it alike."""
    orders = [row | {"treatmentDateTime": time} for row in rows]
    facts = {"treatmentDateTime": time, "prescriptions": orders}
    reply = room.signed("Hc", "02", "/api/v1/Prescription/Write", **facts)
    assert reply["statusCode"] == 0
    signatures: list[str] = reply["hexSignatureItems"]
    assert all(re.fullmatch(r"[0-9A-F]{40}", each) for each in signatures)
    assert [base64.b64decode(each).hex().upper() for each in reply["signatureItems"]] == signatures
    return signatures


@pytest.mark.parametrize(
    ("facts", "refusal"),
    [({"uses_left": 0}, 3213), ({"valid_until": NOW.date().replace(month=1)}, 5003)],
    ids=["no uses left", "validity over"],
)
def test_a_card_that_needs_an_update_is_updated_and_tapped_again(
    room: Room, insurer: Insurer, facts: Json, refusal: int
) -> None:
    room.opened()
    with_counter(insurer, room.number("patient"), **facts)
    assert room.tap()["statusCode"] == refusal
    assert room.signed("Hc", "04", "/api/v1/HcContent/Update")["statusCode"] == 0
    assert room.signed("Hc", "01", "/api/v1/BasicData/Register2")["treatmentCounter"] == 6
    assert room.tap()["statusCode"] == 0


def test_a_visit_is_rolled_back_and_a_second_one_the_same_day_is_a_warning(room: Room) -> None:
    room.opened()
    first = room.tap()
    assert room.tap()["statusCode"] == 5010
    at = {"treatmentDateTime": first["treatmentDateTime"]}
    assert [room.signed("Hc", "03", "/api/v1/SequelNumber/Rollback", **at)["statusCode"] for _ in range(2)] == [0, 3220]


def test_a_patient_without_a_card_gets_time_and_identifier(room: Room) -> None:
    room.opened()
    reply = room.signed("SAM", "03", "/api/v1/TreatmentNumber/NoCard", patientId=PATIENT)
    assert (reply["statusCode"], reply["treatmentDateTime"], reply["hospitalId"]) == (0, "1150302093015", CLINIC)


def test_telemedicine_ends_in_a_token_that_is_used_like_a_qr_code(room: Room) -> None:
    room.opened()
    asked = room.signed("SAM", "01", "/api/v1/TeleMedicine/RequestToken", patientId=PHONE_OWNER)
    token = {"accessToken": asked["accessToken"]}
    assert room.signed("SAM", "01", "/api/v1/TeleMedicine/ResponseToken", **token)["statusCode"] == 3239
    agreed = room.phone.request(**token, agreed=True, token=room.qr(Setting.TELEMEDICINE))
    assert room.ask("/app/v1/TeleMedicine/Decide", agreed)["statusCode"] == 0
    reply = room.signed("SAM", "01", "/api/v1/TeleMedicine/ResponseToken", **token)
    qr = {"token": reply["virtualCardToken"]}
    assert room.local("POST", wire.READ_QR, qr)["idNo"] == PHONE_OWNER
    assert room.local("POST", wire.VERIFY_QR, qr)["statusCode"] == 0
    assert room.tap()["sequenceNumber"] == "W001"


# ---- forms in which requests come ----

BODIES: dict[str, Json] = {
    "an empty object": {"json": {}},
    "nothing": {},
    "nothing, said to be JSON": {"headers": {"content-type": "application/json"}},
    "null": {"content": b"null"},
    "JSON without a content type": {"content": b"{}"},
    "JSON as text": {"content": b"{}", "headers": {"content-type": "text/plain; charset=utf-8"}},
    "JSON as a form": {"content": b"{}", "headers": {"content-type": "application/x-www-form-urlencoded"}},
    "a byte order mark first": {"content": b"\xef\xbb\xbf{}"},
    "keys nobody asked for": {"json": {"cmd": 1, "nested": {"a": [None]}}},
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
@pytest.mark.parametrize(("method", "path"), [("GET", wire.STATUS), ("DELETE", wire.HC_LOGOUT), ("POST", wire.INITIAL)])
def test_requests_come_in_every_form_that_programs_send(room: Room, method: str, path: str, body: Json) -> None:
    assert room.answered(method, path, room.send(method, path, **body))["statusCode"] == 0


@pytest.mark.parametrize("kind", ["03", 3, " 03 ", "3"], ids=repr)
def test_a_service_type_may_come_as_a_number(room: Room, kind: object) -> None:
    room.opened()
    block = room.local("POST", wire.SIGN_SAM, {"serviceType": kind})
    assert room.ask("/api/v1/TreatmentNumber/NoCard", block | {"patientId": PATIENT})["statusCode"] == 0


def test_a_pin_may_come_as_a_number_and_numbers_as_strings(room: Room) -> None:
    room.opened(staff=int(PIN))  # type: ignore[arg-type]
    tap = room.tap()["treatmentDateTime"]
    facts = {"treatmentDateTime": int(tap), "afterCheck": 1, "mainCode": "J0190", "outpatientFee": "150"}
    assert room.signed("Hc", "02", "/api/v1/Treatment/WriteCodeFee", **facts)["statusCode"] == 0


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b'"x"', b"1", b'{"name":', b"\xff\xfe\xfa"], ids=repr)
def test_what_is_no_object_is_answered_clearly(room: Room, text: bytes) -> None:
    reply = room.answered("POST", wire.INITIAL, room.send("POST", wire.INITIAL, content=text))
    assert reply["statusCode"] == (6018 if text else 0)


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/"), ("POST", "/api/hc/v1/None"), ("GET", wire.SIGN_HC), ("POST", wire.INITIAL + "/"), ("HEAD", "/x")],
)
def test_an_unknown_function_is_answered_not_missed(room: Room, method: str, path: str) -> None:
    response = room.send(method, path)
    assert response.status_code == 200
    assert method == "HEAD" or response.json()["statusCode"] == 9005


# ---- what is answered ----


def test_the_service_has_every_path_of_the_wire() -> None:
    assert set(wire.LOCAL) <= {(each.method, each.path) for each in PATHS}


@every_path
@pytest.mark.parametrize("world", ["not initialised", "no reader", "bad body"])
def test_a_refusal_has_every_key_too(room: Room, method: str, path: str, world: str) -> None:
    if world == "no reader":
        room.opened()
        for slot in (1, 2, 3):
            room.remove(slot)
    body: Json = {name: [] for name in ("name", "serviceType", "pin", "newPin", "puk", "token")}
    reply = room.local(method, path, body if world == "bad body" else {})  # asserts HTTP 200, integer, keys
    assert set(reply) >= {"statusCode", "message"}
    others = {name: value for name, value in reply.items() if name not in ("statusCode", "message", "status")}
    assert reply["statusCode"] == 0 or not any(others.values()), "who is refused learns the reason only"


def test_the_data_centre_s_refusals_have_every_key(room: Room) -> None:
    for path in wire.CENTRE:
        assert room.ask(path, {"clientRandom": "x", "hospitalId": "x", "signature": "x"})["statusCode"] != 0


# ---- signatures ----

CALLS: list[tuple[str, str, str, Json]] = [
    ("SAM", "03", "/api/v1/TreatmentNumber/NoCard", {"patientId": PATIENT}),
    ("Hc", "01", "/api/v1/BasicData/Query", {}),
    ("HpcHc", "01", "/api/v1/Prescription/Query", {"format": "0"}),
]


@pytest.mark.parametrize(("signers", "kind", "path", "facts"), CALLS, ids=[call[0] for call in CALLS])
def test_a_block_is_forwarded_as_it_came_and_good_for_one_call(
    room: Room, signers: str, kind: str, path: str, facts: Json
) -> None:
    room.opened(staff=PIN)
    block = room.local("POST", wire.SIGNATURE[signers], {"serviceType": kind})
    assert set(block) == wire.BLOCK | {"statusCode", "message"}
    assert all(isinstance(block[name], str) for name in wire.BLOCK)
    assert (block["hospitalId"], block["samId"]) == (CLINIC, room.number("sam"))
    present = {name: bool(block[name]) for name in ("hcId", "hcIdNo", "hpcId", "hpcIdNo")}
    assert present == {name: name[:2] in {"SAM": (), "Hc": ("hc",), "HpcHc": ("hc", "hp")}[signers] for name in present}
    forwarded = json.loads(json.dumps(block)) | facts
    assert [room.ask(path, forwarded)["statusCode"] for _ in range(2)] == [0, 3245]


def test_no_two_blocks_are_alike(room: Room) -> None:
    room.opened()
    blocks = [room.local("POST", wire.SIGN_SAM, {"serviceType": "30"}) for _ in range(3)]
    assert len({each["clientRandom"] for each in blocks}) == len({each["signature"] for each in blocks}) == 3


@pytest.mark.parametrize("changed", sorted(wire.BLOCK))
def test_a_block_that_was_changed_on_its_way_is_refused(room: Room, changed: str) -> None:
    room.opened(staff=PIN)
    block = room.local("POST", wire.SIGN_HPC_HC, {"serviceType": "01"})
    spoilt = block | {changed: block[changed][:-1] + ("A" if block[changed][-1] != "A" else "B")}
    assert room.ask("/api/v1/Prescription/Query", spoilt)["statusCode"] != 0
    assert room.ask("/api/v1/Prescription/Query", block)["statusCode"] == 0, "the genuine one is not used up by it"


def test_a_block_of_one_kind_of_service_is_refused_for_another(room: Room) -> None:
    room.opened()
    assert (
        room.signed("Hc", "01", "/api/v1/SequelNumber/Next", treatmentItem="01", babyTreatment="")["statusCode"] == 3100
    )
