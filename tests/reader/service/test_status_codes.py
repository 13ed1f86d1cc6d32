"""Every status code that the control software itself gives, and those of the data centre that pass through it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import machineid
import pytest

from nhicard import reader
from nhicard.formats.status_codes import status_codes
from nhicard.identity.virtual_token import Setting
from nhicard.reader.devices.device import DeviceFault, DeviceGone
from nhicard.reader.home import Home
from tests.reader.service import wire
from tests.reader.service import worlds as w
from tests.reader.service.room import PHONE_OWNER, PIN, PUK, Clock, Insurer, Room, served
from tests.reader.service.troubled import TroubledReaders, answering, raising


@dataclass(frozen=True)
class Refusal:
    """In these worlds, one after another, this call is answered with this code."""

    code: int
    why: str
    worlds: tuple[w.World, ...]
    call: w.Call
    home_care: bool = False


def unlike_others(room: Room) -> None:
    """The cloud SAM's folder was copied from a machine with another identity."""
    with pytest.MonkeyPatch.context() as there:
        there.setattr(machineid, "id", lambda: "another machine")
        w.cloud_installed(room)


def from_elsewhere(room: Room) -> dict[str, object]:
    """A web page of another origin."""
    response = room.send("GET", wire.STATUS, headers={"origin": "https://elsewhere.example"})
    return dict(response.json())


STATUS, INITIAL = w.call("GET", wire.STATUS), w.call("POST", wire.INITIAL)
VERIFY_SAM, SIGN_SAM = w.call("POST", wire.VERIFY_SAM), w.call("POST", wire.SIGN_SAM, serviceType="01")
SIGN_HC, SIGN_ALL = w.call("POST", wire.SIGN_HC, serviceType="01"), w.call("POST", wire.SIGN_HPC_HC, serviceType="01")
SIGN_HPC = w.call("POST", wire.SIGN_HPC, serviceType="01")
HC_PIN, HPC_PIN = w.call("POST", wire.HC_PIN, pin=PIN), w.call("POST", wire.VERIFY_HPC, pin=PIN)
WRONG_HC_PIN = w.call("POST", wire.HC_PIN, pin=w.OTHER_PIN)
WRONG_HPC_PIN = w.call("POST", wire.VERIFY_HPC, pin=w.OTHER_PIN)
CLOUD = w.call("POST", wire.INITIAL, name="COMX1")
PIN_CARD = w.holding(3, "patient-with-pin")
GONE, FAULT = raising(DeviceGone("gone")), raising(DeviceFault(0x8010002F, "the reader does not answer"))
UNKNOWN_COMMAND, NO_SENSE = answering("6D00"), answering("6F00")
BROKEN = httpx.Response(200, headers={"content-encoding": "gzip"}, stream=httpx.ByteStream(b"\x1f\x8b and so on"))
HTML = httpx.Response(200, text="<html>Sign in to the network</html>")

OURS = [
    Refusal(-1, "an unexpected fault", (w.opened, w.failing(raising(RuntimeError(PHONE_OWNER)), 3)), SIGN_HC),
    Refusal(-1, "the data centre answers without what was asked", (w.opened, w.answered_with(
        httpx.Response(200, json={"statusCode": 0}))), w.scanned(w.qr)),
    Refusal(-1, "the data centre answers with null", (w.opened, w.answered_with(
        httpx.Response(200, json={"statusCode": 0, "name": None}))), w.scanned(w.qr, wire.READ_QR)),
    Refusal(1000, "SAM not chosen", (), VERIFY_SAM),
    Refusal(1000, "signature by SAM", (), SIGN_SAM),
    Refusal(1000, "signature by patient card", (), SIGN_HC),
    Refusal(1000, "three signatures", (), SIGN_ALL),
    Refusal(1000, "QR code read", (), w.scanned(w.qr, wire.READ_QR)),
    Refusal(1000, "QR code verified", (), w.scanned(w.qr)),
    Refusal(1001, "begun before", (w.initialised,), INITIAL),
    Refusal(1045, "home care without root certificate", (w.opened, w.without_root, w.offline),
            w.scanned(w.home_care_qr, wire.READ_QR), home_care=True),
    Refusal(1099, "cloud SAM without network", (w.cloud_installed, w.initialised, w.offline), VERIFY_SAM),
    Refusal(1099, "cloud SAM, a captive portal", (w.cloud_installed, w.initialised, w.answered_with(HTML)), VERIFY_SAM),
    Refusal(1099, "cloud SAM a minute after the network went", (w.cloud_installed, w.opened, w.offline,
            w.later(seconds=61)), SIGN_SAM),
    Refusal(1099, "cloud SAM, clock set back", (w.cloud_installed, w.opened, w.offline, w.later(days=-1)), SIGN_SAM),
    Refusal(1100, "no reader", (w.unplugged,), INITIAL),
    Refusal(1101, "SAM's reader gone", (w.opened, w.failing(GONE, 1)), SIGN_SAM),
    Refusal(1101, "patient's reader gone in mid-call", (w.opened, w.failing(GONE, 3)), SIGN_HC),
    Refusal(1101, "staff's reader gone in mid-call", (w.opened_with_staff, w.failing(GONE, 2)), SIGN_ALL),
    Refusal(1102, "no patient card", (w.opened, w.without(3)), SIGN_HC),
    Refusal(1102, "no patient card, no staff card", (w.opened, w.without(2, 3)), SIGN_ALL),
    Refusal(1102, "another kind of card in its reader", (w.opened, w.without(3), w.holding(3, "representative")),
            SIGN_HC),
    Refusal(1102, "patient card pulled out in mid-call", (w.opened, w.pulled_while_signing(3)), SIGN_HC),
    Refusal(1102, "card face, no card", (w.without(3),), w.call("GET", wire.BASIC_DATA)),
    Refusal(1102, "PIN, no card", (w.without(3),), HC_PIN),
    Refusal(1199, "patient's reader fails", (w.opened, w.failing(FAULT, 3)), SIGN_HC),
    Refusal(1300, "SAM's answer makes no sense", (w.opened, w.failing(NO_SENSE, 1)), SIGN_SAM),
    Refusal(1301, "SAM does not sign", (w.opened, w.failing(UNKNOWN_COMMAND, 1)), SIGN_SAM),
    Refusal(1400, "staff card's answer makes no sense", (w.opened_with_staff, w.failing(NO_SENSE, 2)), SIGN_ALL),
    Refusal(1402, "no staff card", (w.opened, w.without(2)), SIGN_ALL),
    Refusal(1402, "staff card's PIN not given", (w.opened,), SIGN_ALL),
    Refusal(1402, "staff card's PIN not given, alone", (w.opened,), SIGN_HPC),
    Refusal(1402, "a new PIN, the old one not given", (), w.call("POST", wire.HPC_PIN, newPin="246802")),
    Refusal(1403, "staff card does not sign", (w.opened_with_staff, w.failing(UNKNOWN_COMMAND, 2)), SIGN_HPC),
    Refusal(1410, "wrong PIN of staff card", (), WRONG_HPC_PIN),
    Refusal(1410, "wrong PUK of staff card", (), w.call("PUT", wire.HPC_PIN, puk="99999999", newPin=PIN)),
    Refusal(1500, "patient card's answer makes no sense", (w.opened, w.failing(NO_SENSE, 3)), SIGN_HC),
    Refusal(1502, "a real patient card keeps its keys to itself", (w.opened, w.failing(UNKNOWN_COMMAND, 3)), SIGN_HC),
    Refusal(1510, "verify, no PIN", (), HC_PIN),
    Refusal(1510, "remove, no PIN", (), w.call("DELETE", wire.HC_PIN)),
    Refusal(1510, "unblock, no PIN", (), w.call("PUT", wire.HC_PIN, puk=PUK, newPin=PIN)),
    Refusal(1511, "signature, PIN not given", (w.opened, PIN_CARD), SIGN_HC),
    Refusal(1511, "three signatures, patient's PIN not given", (PIN_CARD, w.opened_with_staff), SIGN_ALL),
    Refusal(1511, "new PIN, old one not given", (PIN_CARD,), w.call("PUT", wire.HC_PIN, newPin="2468")),
    Refusal(1511, "remove, PIN not given", (PIN_CARD,), w.call("DELETE", wire.HC_PIN)),
    Refusal(1513, "given before", (PIN_CARD, w.called("POST", wire.HC_PIN, pin=PIN)), HC_PIN),
    Refusal(1514, "wrong PIN", (PIN_CARD,), WRONG_HC_PIN),
    Refusal(1514, "wrong PUK", (PIN_CARD,), w.call("PUT", wire.HC_PIN, puk="99999999", newPin=PIN)),
    Refusal(1515, "card face of a virtual card", (w.opened, w.virtual_card_in), w.call("GET", wire.BASIC_DATA)),
    Refusal(1520, "offline, no QR code", (w.opened, w.offline),
            w.scanned(w.text("https://example.org"), wire.READ_QR), home_care=True),
    Refusal(1521, "offline, QR code of before", (w.opened, w.offline),
            w.scanned(w.older(w.home_care_qr, minutes=5, seconds=1), wire.READ_QR), home_care=True),
    Refusal(1522, "offline, QR code for use on site", (w.opened, w.offline),
            w.scanned(w.qr, wire.READ_QR), home_care=True),
    Refusal(1523, "offline, forged QR code", (w.opened, w.offline),
            w.scanned(w.forged(Setting.HOME_CARE), wire.READ_QR), home_care=True),
    Refusal(1524, "offline, virtual card run out", (w.opened, w.offline, w.later(days=6 * 365)),
            w.scanned(w.home_care_qr, wire.READ_QR), home_care=True),
    Refusal(1526, "PIN of a virtual card", (w.opened, w.virtual_card_in), HC_PIN),
    Refusal(1526, "new PIN of a virtual card", (w.opened, w.virtual_card_in), w.call("PUT", wire.HC_PIN, newPin=PIN)),
    Refusal(1526, "no PIN for a virtual card", (w.opened, w.virtual_card_in), w.call("DELETE", wire.HC_PIN)),
    Refusal(1527, "transfer of a card in the reader", (w.opened,), w.call("POST", wire.TRANSFER)),
    Refusal(1600, "no such reader", (), w.call("POST", wire.INITIAL, name="COM9")),
    Refusal(1600, "no such reader", (), w.call("POST", wire.INITIAL, name="COM0")),
    Refusal(1601, "the readers fail", (w.failing_to_connect(FAULT, 1, 2, 3),), INITIAL),
    Refusal(1610, "cloud SAM, its name is none", (w.in_cloud_folder("cloud.SAM"),), w.installing(name="cloud.SAM")),
    Refusal(1610, "cloud SAM, no file of that kind", (), w.installing(content=b"PK")),
    Refusal(1610, "cloud SAM, damaged since", (w.cloud_installed, w.content_of_cloud_sam(b"0")), CLOUD),
    Refusal(1611, "no SAM of that id", (), w.call("POST", wire.INITIAL, name="S99999999999")),
    Refusal(1700, "QR code without network", (w.opened, w.offline), w.scanned(w.qr)),
    Refusal(1700, "home care is off", (w.opened, w.offline), w.scanned(w.home_care_qr, wire.READ_QR)),
    Refusal(1702, "HTTP 500", (w.opened, w.answered_with(httpx.Response(500))), w.scanned(w.qr)),
    Refusal(1702, "HTML", (w.opened, w.answered_with(HTML)), w.scanned(w.qr)),
    Refusal(1702, "redirection", (w.opened, w.answered_with(httpx.Response(302))), w.scanned(w.qr)),
    Refusal(1702, "no statusCode", (w.opened, w.answered_with(httpx.Response(200, json=[]))), w.scanned(w.qr)),
    Refusal(1702, "broken compression", (w.opened, w.answered_with(BROKEN)), w.scanned(w.qr)),
    Refusal(1799, "a code that nobody knows", (w.opened, w.answered_with(
        httpx.Response(200, json={"statusCode": 77777}))), w.scanned(w.qr)),
    Refusal(4012, "no SAM in any reader", (w.without(1),), INITIAL),
    Refusal(4012, "SAM pulled out before", (w.opened, w.without(1)), SIGN_SAM),
    Refusal(4012, "SAM pulled out in mid-call", (w.opened, w.pulled_while_signing(1)), SIGN_HC),
    Refusal(4014, "PIN, no staff card", (w.without(2),), HPC_PIN),
    Refusal(4014, "signature, no staff card", (w.opened, w.without(2)), SIGN_HPC),
    Refusal(4014, "staff card pulled out in mid-call", (w.opened_with_staff, w.pulled_while_signing(2)), SIGN_ALL),
    Refusal(4032, "another SAM took its place", (w.opened, w.exchanged(1, "sam-next-room", 1)), SIGN_SAM),
    Refusal(4033, "a staff card took its place", (w.opened, w.exchanged(3, "representative", 2)), SIGN_HC),
    Refusal(4034, "a patient card took its place", (w.exchanged(2, "patient-with-pin", 2),), HPC_PIN),
    Refusal(4050, "SAM not verified", (w.initialised,), SIGN_SAM),
    Refusal(4050, "SAM not verified, patient card", (w.initialised,), SIGN_HC),
    Refusal(4050, "SAM revoked at its verification", (w.initialised, w.sam_revoked,
            w.tried(1, "POST", wire.VERIFY_SAM)), SIGN_SAM),
    Refusal(6017, "a web page of elsewhere", (), from_elsewhere),
    Refusal(6018, "no kind of service", (w.opened,), w.call("POST", wire.SIGN_SAM)),
    Refusal(6018, "a list for a name", (), w.call("POST", wire.INITIAL, name=[])),
    Refusal(6018, "a name without end", (), w.call("POST", wire.INITIAL, name="x" * 201)),
    Refusal(6019, "no PIN", (), w.call("POST", wire.VERIFY_HPC)),
    Refusal(9005, "no such function", (), w.call("POST", "/api/hc/v1/Delete")),
    Refusal(9039, "cloud SAM, wrong password", (), w.installing("wrong horse battery")),
    Refusal(9041, "PIN too short", (PIN_CARD,), w.call("POST", wire.HC_PIN, pin="12")),
    Refusal(9041, "PIN with a blank", (), w.call("POST", wire.VERIFY_HPC, pin="12 456")),
    Refusal(9041, "new PIN too long", (w.called("POST", wire.VERIFY_HPC, pin=PIN),),
            w.call("POST", wire.HPC_PIN, newPin="1" * 13)),
    Refusal(9043, "third wrong PIN", (w.tried(2, "POST", wire.VERIFY_HPC, pin=w.OTHER_PIN),), WRONG_HPC_PIN),
    Refusal(9043, "right PIN after three wrong ones", (w.tried(3, "POST", wire.VERIFY_HPC, pin=w.OTHER_PIN),), HPC_PIN),
    Refusal(9043, "patient's PIN", (PIN_CARD, w.tried(3, "POST", wire.HC_PIN, pin=w.OTHER_PIN)), HC_PIN),
    Refusal(9043, "PUK", (w.tried(10, "PUT", wire.HPC_PIN, puk="99999999", newPin=PIN),),
            w.call("PUT", wire.HPC_PIN, puk=PUK, newPin=PIN)),
    Refusal(9200, "no folder", (), CLOUD),
    Refusal(9200, "two cloud SAMs", (w.cloud_installed, lambda room: (room.home.cloud_sam / "B.SAM").touch()), CLOUD),
    Refusal(9201, "copied, not installed", (w.cloud_installed, w.without_installation), CLOUD),
    Refusal(9202, "installed on another machine", (unlike_others,), CLOUD),
]  # fmt: skip

PASSED_ON = [
    Refusal(1003, "a test card with a real SAM", (w.sam_says(is_test=False), w.opened), w.scanned(w.qr)),
    Refusal(1042, "clinic without virtual cards", (w.opened, w.without_virtual_cards), w.scanned(w.qr)),
    Refusal(1302, "out of contract", (w.initialised, w.out_of_contract), VERIFY_SAM),
    Refusal(1303, "suspended", (w.initialised, w.suspended), VERIFY_SAM),
    Refusal(1304, "SAM revoked", (w.initialised, w.sam_revoked), VERIFY_SAM),
    Refusal(9061, "SAM run out", (w.initialised, w.later(days=6 * 365)), VERIFY_SAM),
    Refusal(3302, "SAM unknown to the insurer", (w.initialised, w.sam_says(number="S00000000000")), VERIFY_SAM),
    Refusal(1520, "no QR code", (w.opened,), w.scanned(w.text("https://example.org"))),
    Refusal(1521, "QR code of before", (w.opened,), w.scanned(w.older(w.qr, minutes=5, seconds=1))),
    Refusal(1522, "unreadable QR code", (w.opened,), w.scanned(w.text("VHC1.e30.AAAA"))),
    Refusal(1523, "forged QR code", (w.opened,), w.scanned(w.forged())),
    Refusal(1525, "QR code used before", (w.opened,), w.scanned_twice),
    Refusal(1528, "nobody offers the card", (w.opened,), w.call("POST", wire.RECEIVE, transferToken="x")),
    Refusal(1529, "taken by another reader", (w.opened,), w.taken_after(times=2)),
    Refusal(1530, "offered in another institution", (w.opened,), w.taken_after(w.moved_to("sam-elsewhere"))),
    Refusal(1531, "offered six minutes ago", (w.opened,), w.taken_after(w.later(minutes=6))),
    Refusal(3241, "virtual card unknown to the insurer", (w.opened,), w.scanned(w.of_unknown_card)),
]  # fmt: skip


@pytest.fixture
def troubled(home: Home, insurer: Insurer, clock: Clock, request: pytest.FixtureRequest) -> Iterator[Room]:
    """A room whose readers can fail."""
    refusal: Refusal = request.param
    with served(home, insurer, clock, devices=TroubledReaders(home.slots), home_care=refusal.home_care) as room:
        yield room


@pytest.mark.parametrize(
    ("troubled", "refusal"),
    [(each, each) for each in OURS + PASSED_ON],
    indirect=["troubled"],
    ids=[f"{each.code}-{each.why}" for each in OURS + PASSED_ON],
)
def test_a_refusal_says_why(troubled: Room, refusal: Refusal) -> None:
    for world in refusal.worlds:
        world(troubled)
    reply = refusal.call(troubled)
    assert reply["statusCode"] == refusal.code, reply["message"]
    assert re.search("[一-鿿].*[A-Za-z]{3}", reply["message"]), "in both languages"
    if refusal.code != 6017:  # a file in the list, a web page here
        assert status_codes()[refusal.code].meaning_zh in reply["message"]


def test_the_table_has_every_code_of_the_source_and_no_other() -> None:
    """Cards and devices know exceptions only; client and demo know the codes that others give."""
    folder = Path(reader.__file__).parent
    others = {"cards", "devices", "client", "demo.py"}
    files = [path for path in folder.rglob("*.py") if not others & {*path.relative_to(folder).parts}]
    assert len(files) > 10
    written = {code for path in files for code in _codes_in(ast.parse(path.read_text()))}
    assert written == {each.code for each in OURS}


def _codes_in(tree: ast.AST) -> Iterator[int]:
    for node in ast.walk(tree):
        match node:
            case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=1)):
                yield -1
            case ast.Constant(value=int(number)) if number >= 1000 and number in status_codes():
                yield number
            case _:
                pass
