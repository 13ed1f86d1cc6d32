"""Virtual cards at the desk: by QR code, at home without a network, from room to room, by video."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from nhicard.identity.virtual_token import Setting
from nhicard.insurer.datacentre.models import VirtualCardSession
from nhicard.reader import phone
from nhicard.reader.devices.slots import Slots
from nhicard.reader.home import Home
from tests.reader.service import wire
from tests.reader.service import worlds as w
from tests.reader.service.room import PATIENT, PHONE_OWNER, Clock, Insurer, Json, Room, served

WHO = {"name": "測試病患丙", "idNo": PHONE_OWNER, "birthday": "0590707", "sex": "F"}


def seen(reply: Json) -> Json:
    """What of a reply is about the patient."""
    assert reply["statusCode"] == 0, reply["message"]
    return {name: reply[name] for name in WHO}


def hc(room: Room) -> int:
    """Status of the patient card, real or virtual."""
    return int(room.local("GET", wire.STATUS)["status"]["hc"]["status"])


def open_sessions(insurer: Insurer) -> int:
    """Virtual cards that the data centre takes for inserted."""
    return insurer.do(VirtualCardSession.objects.filter(ended_at__isnull=True).count)


@pytest.fixture
def next_room(home: Home, insurer: Insurer, clock: Clock, tmp_path: Path) -> Iterator[Room]:
    """Another reader of the same institution, with a SAM of its own and no other card."""
    slots = tmp_path / "next" / "slots"
    Slots(slots).insert("Slot 1", home.cards / "sam-next-room.json")
    with served(Home(tmp_path / "next"), insurer, clock) as room:
        yield room.opened()


# ---- on site ----


def test_a_qr_code_takes_the_card_s_place_until_logout(room: Room, insurer: Insurer) -> None:
    room.opened()
    room.remove(3)
    token = {"token": f" {room.qr()}\n"}  # scanners add a line end
    basic = room.local("POST", wire.READ_QR, token)
    assert seen(basic) == WHO
    assert (basic["identityStatus"], basic["offline"], hc(room)) == ("3", False, 0)
    assert seen(room.local("POST", wire.VERIFY_QR, token)) == WHO
    assert hc(room) == 1
    assert room.signed("Hc", "01", "/api/v1/BasicData/Query")["idCardNum"] == PHONE_OWNER
    tap = room.tap()
    assert (tap["statusCode"], tap["sequenceNumber"]) == (0, "W001")
    assert room.local("DELETE", wire.HC_LOGOUT)["statusCode"] == 0
    assert (hc(room), open_sessions(insurer)) == (0, 0)
    assert room.local("POST", wire.SIGN_HC, {"serviceType": "01"})["statusCode"] == 1102


def test_the_session_s_secret_stays_in_the_service(room: Room) -> None:
    room.opened()
    reply = room.local("POST", wire.VERIFY_QR, {"token": room.qr()})
    assert set(reply) == wire.PERSON | {"statusCode", "message", "offline"}


def test_a_fresh_code_is_scanned_again_for_later_writes(room: Room, insurer: Insurer) -> None:
    room.opened()
    w.virtual_card_in(room)
    tap = room.tap()
    room.local("DELETE", wire.HC_LOGOUT)
    w.virtual_card_in(room)
    w.virtual_card_in(room)  # and once more without a logout
    assert open_sessions(insurer) == 1
    facts = {"treatmentDateTime": tap["treatmentDateTime"], "mainCode": "J0190"}
    assert room.signed("Hc", "02", "/api/v1/Treatment/WriteCodeFee", **facts)["statusCode"] == 0


def test_a_virtual_card_goes_before_the_card_that_was_left_in_the_reader(room: Room) -> None:
    room.opened()
    w.virtual_card_in(room)
    block = room.local("POST", wire.SIGN_HC, {"serviceType": "01"})
    assert (block["hcIdNo"], block["hcId"]) == (PHONE_OWNER, room.number("phone"))
    room.local("DELETE", wire.HC_LOGOUT)
    assert room.local("POST", wire.SIGN_HC, {"serviceType": "01"})["hcIdNo"] == PATIENT


@pytest.mark.parametrize(
    "trouble",
    [w.offline, w.sam_revoked, w.later(hours=1, seconds=1), w.without(1)],
    ids=["no network", "SAM revoked", "session run out", "SAM taken away"],
)
def test_logout_forgets_the_card_whatever_the_data_centre_says(room: Room, trouble: w.World) -> None:
    room.opened()
    room.remove(3)
    w.virtual_card_in(room)
    trouble(room)
    assert room.local("DELETE", wire.HC_LOGOUT)["statusCode"] == 0
    assert hc(room) == 0


@pytest.mark.parametrize(("method", "path"), [("POST", wire.FINALIZE), ("DELETE", wire.HC_LOGOUT)])
def test_the_next_patient_never_gets_the_former_one_s_signature(room: Room, method: str, path: str) -> None:
    room.opened()
    w.virtual_card_in(room)
    room.local(method, path)
    if path == wire.FINALIZE:
        room.opened()
    assert room.local("POST", wire.SIGN_HC, {"serviceType": "01"})["hcIdNo"] == PATIENT


def test_a_session_of_more_than_an_hour_is_over(room: Room) -> None:
    room.opened()
    w.virtual_card_in(room)
    room.clock.later(hours=1, seconds=1)
    assert room.tap()["statusCode"] == 1703


# ---- at home, without a network ----


@pytest.fixture
def at_home(home: Home, insurer: Insurer, clock: Clock) -> Iterator[Room]:
    """A nurse's machine that may recognise cards without a network, and has none."""
    with served(home, insurer, clock, home_care=True) as room:
        yield room.opened()  # which keeps the insurer's root


def test_a_card_is_recognised_without_a_network(at_home: Room) -> None:
    at_home.insurer.reachable = False
    basic = at_home.local("POST", wire.READ_QR, {"token": at_home.qr(Setting.HOME_CARE)})
    assert seen(basic) == WHO
    assert (basic["cardId"], basic["offline"]) == (at_home.number("phone"), True)
    assert at_home.local("POST", wire.VERIFY_QR, {"token": at_home.qr(Setting.HOME_CARE)})["statusCode"] == 1700


def test_with_a_network_the_data_centre_is_asked(at_home: Room) -> None:
    basic = at_home.local("POST", wire.READ_QR, {"token": at_home.qr(Setting.HOME_CARE)})
    assert (seen(basic), basic["offline"]) == (WHO, False)


def test_what_the_data_centre_refuses_is_not_recognised_instead(at_home: Room) -> None:
    w.without_virtual_cards(at_home)
    assert at_home.local("POST", wire.READ_QR, {"token": at_home.qr(Setting.HOME_CARE)})["statusCode"] == 1042


def test_another_insurer_s_root_vouches_for_nobody(at_home: Room) -> None:
    certificate = at_home.phone.certificate
    at_home.home.root.write_text(certificate)
    at_home.insurer.reachable = False
    assert at_home.local("POST", wire.READ_QR, {"token": at_home.qr(Setting.HOME_CARE)})["statusCode"] == 1523


# ---- from room to room ----


def test_a_virtual_card_moves_to_another_reader_of_the_institution(
    room: Room, next_room: Room, insurer: Insurer
) -> None:
    room.opened()
    w.virtual_card_in(room)
    tap = room.tap()
    body = {"transferToken": w.offered(room)}
    assert room.local("POST", wire.SIGN_HC, {"serviceType": "01"})["hcIdNo"] == PATIENT, "gone from here"
    assert seen(next_room.local("POST", wire.RECEIVE, body)) == WHO
    assert (hc(next_room), open_sessions(insurer)) == (1, 1)
    facts = {"treatmentDateTime": tap["treatmentDateTime"], "mainCode": "J0190"}
    assert next_room.signed("Hc", "02", "/api/v1/Treatment/WriteCodeFee", **facts)["statusCode"] == 0
    assert room.local("POST", wire.RECEIVE, body)["statusCode"] == 1529
    assert next_room.local("DELETE", wire.HC_LOGOUT)["statusCode"] == 0
    assert open_sessions(insurer) == 0


# ---- by video ----


@pytest.mark.parametrize(("agreed", "code"), [(True, 0), (False, 3240)], ids=["agreed", "declined"])
def test_a_patient_is_seen_by_video_only_with_consent(room: Room, agreed: bool, code: int) -> None:
    room.opened()
    facts = {"patientId": PHONE_OWNER}
    asked = {"accessToken": room.signed("SAM", "01", "/api/v1/TeleMedicine/RequestToken", **facts)["accessToken"]}
    path = "/api/v1/TeleMedicine/ResponseToken"
    assert room.signed("SAM", "01", path, **asked)["statusCode"] == 3239
    assert [row["accessToken"] for row in phone.pending(room.phone, room.ask)] == [asked["accessToken"]]
    phone.decide(room.phone, asked["accessToken"], agreed=agreed, now=room.clock.now(), post=room.ask)
    reply = room.signed("SAM", "01", path, **asked)
    assert reply["statusCode"] == code
    assert room.local("POST", wire.VERIFY_QR, {"token": reply["virtualCardToken"]})["statusCode"] == (
        0 if agreed else 1520
    )
