"""Who may call the service, what it keeps to itself, and what survives its being started anew."""

from __future__ import annotations

import ast
import inspect
import json
import logging
import stat
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from cryptography import x509
from typer.testing import CliRunner

from nhicard.cli.app import app as command
from nhicard.identity import tls
from nhicard.reader.home import Home, Settings
from nhicard.reader.service import serving
from nhicard.reader.service.app import LARGEST_BODY
from tests.reader.service import cloud, wire
from tests.reader.service import worlds as w
from tests.reader.service.room import (
    PATIENT,
    PERSONAL,
    PIN,
    PUK,
    Clock,
    Insurer,
    Room,
    served,
)
from tests.reader.service.troubled import SIGN, TroubledReaders, raising

ALLOWED = "https://his.example"


# ---- where it listens ----


def test_it_listens_on_this_machine_only_unless_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run: dict[str, Any] = {}
    monkeypatch.setattr(uvicorn, "run", lambda app, **options: run.update(options))
    monkeypatch.setattr(logging, "basicConfig", lambda **_: None)
    arguments = ["reader", "serve", "--home", str(tmp_path), "--centre", "https://localhost:1", "--no-pcsc"]
    assert CliRunner().invoke(command, arguments).exit_code == 0
    assert (run["host"], run["port"]) == ("127.0.0.1", 5066)
    assert run["ssl_certfile"] == str(tmp_path / "https" / "https.pem")
    assert Settings(Home(tmp_path), "https://localhost:1").host == "127.0.0.1"


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_it_must_be_told_an_address_to_answer_to(tmp_path: Path, host: str) -> None:
    arguments = ["reader", "serve", "--home", str(tmp_path), "--centre", "https://localhost:1", "--host", host]
    result = CliRunner().invoke(command, arguments)
    assert result.exit_code == 2
    assert "--host" in result.output
    assert not list(tmp_path.iterdir())


def test_its_certificate_names_this_machine_in_every_way(tmp_path: Path) -> None:
    https = serving.certificate(Home(tmp_path))
    certificate = x509.load_pem_x509_certificate(https.certificate.read_bytes())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["localhost"]
    assert [str(each) for each in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1", "::1"]
    assert serving.certificate(Home(tmp_path)) == https
    assert tls.fingerprint(https.certificate) == tls.fingerprint(serving.certificate(Home(tmp_path)).certificate)


# ---- who may call ----

HOSTS = {
    "localhost": True,
    "localhost:5066": True,
    "LOCALHOST:5066": True,
    "127.0.0.1:5066": True,
    "[::1]:5066": True,
    "[::1]": True,
    "reader.clinic.example:5066": True,  # the name that it was told to listen on, in capitals
    "elsewhere.example": False,
    "elsewhere.example:5066": False,
    "localhost.elsewhere.example": False,
    "127.0.0.1.elsewhere.example:5066": False,
    "localhost:5066:x": False,
    "[::2]:5066": False,
    "0.0.0.0:5066": False,
    "": False,
}


@pytest.mark.parametrize(("host", "is_ours"), HOSTS.items())
def test_a_name_that_was_made_to_point_here_is_refused(
    home: Home, insurer: Insurer, clock: Clock, host: str, is_ours: bool
) -> None:
    with served(home, insurer, clock, host="Reader.Clinic.example") as room:
        response = room.send("GET", wire.STATUS, headers={"host": host})
    assert response.status_code == (200 if is_ours else 403)
    assert ("status" in response.json()) is is_ours


ORIGINS = {
    ALLOWED: True,
    "https://elsewhere.example": False,
    "http://his.example": False,
    "https://his.example:8443": False,
    "https://his.example.elsewhere.example": False,
    "https://localhost:5066": False,
    "null": False,
    "*": False,
}


@pytest.mark.parametrize(("origin", "is_allowed"), ORIGINS.items())
def test_web_pages_call_only_from_the_configured_origins(
    home: Home, insurer: Insurer, clock: Clock, origin: str, is_allowed: bool
) -> None:
    with served(home, insurer, clock, origins=(ALLOWED,)) as room:
        ask = {"origin": origin, "access-control-request-method": "DELETE"}
        before = room.send("OPTIONS", wire.HC_PIN, headers=ask | {"access-control-request-headers": "content-type"})
        response = room.send("POST", wire.INITIAL, headers={"origin": origin}, json={})
        begun = room.local("GET", wire.STATUS)["status"]["initialized"]
    assert begun is is_allowed
    for each in (before, response):
        assert each.status_code == (200 if is_allowed else 403)
        assert each.headers.get("access-control-allow-origin") == (ALLOWED if is_allowed else None)
        assert "access-control-allow-credentials" not in each.headers
    assert "DELETE" in before.headers.get("access-control-allow-methods", "") or not is_allowed


def test_without_configured_origins_no_web_page_may_call(room: Room) -> None:
    assert room.send("POST", wire.INITIAL, headers={"origin": ALLOWED}, json={}).status_code == 403
    assert room.local("GET", wire.STATUS)["status"]["initialized"] is False


# ---- how much may be said ----


def body_of(size: int) -> bytes:
    """A request of exactly so many bytes."""
    return b'{"name":""' + b" " * (size - 11) + b"}"


async def chunks(content: bytes) -> AsyncIterator[bytes]:
    """The same, in pieces and without its length."""
    for start in range(0, len(content), 4096):
        yield content[start : start + 4096]


@pytest.mark.parametrize("in_pieces", [False, True], ids=["with its length", "in pieces"])
@pytest.mark.parametrize(("size", "code"), [(LARGEST_BODY, 0), (LARGEST_BODY + 1, 6018), (4 * LARGEST_BODY, 6018)])
def test_a_body_without_end_is_answered_and_not_read(room: Room, in_pieces: bool, size: int, code: int) -> None:
    content = body_of(size)
    reply = room.local("POST", wire.INITIAL, content=chunks(content) if in_pieces else content)
    assert reply["statusCode"] == code


def test_half_a_request_does_nothing(room: Room) -> None:
    """The connection ends before the body came: the PIN must not be removed for want of a word."""
    sent: list[object] = []
    messages: Iterator[dict[str, object]] = iter(
        [{"type": "http.request", "body": b"", "more_body": True}, {"type": "http.disconnect"}]
    )

    async def receive() -> dict[str, object]:
        return next(messages)

    async def send(message: object) -> None:
        sent.append(message)

    headers = [(b"host", b"localhost"), (b"content-length", b"11")]
    scope = {"type": "http", "method": "POST", "path": wire.INITIAL, "headers": headers, "query_string": b""}
    room.portal.call(room.app, scope, receive, send)
    assert not sent
    assert room.local("GET", wire.STATUS)["status"]["initialized"] is False


# ---- what it keeps to itself ----


def test_keys_and_cards_are_for_their_owner_only(room: Room) -> None:
    cloud.installed(room)
    https = serving.certificate(room.home)
    private = [https.key, *room.home.cards.glob("*.json"), *room.home.cloud_sam.iterdir(), *room.home.slots.glob("*")]
    assert len(private) > 12
    assert {stat.S_IMODE(file.stat().st_mode) for file in private} == {0o600}
    folders = [room.home.slots, room.home.cloud_sam, room.home.https]
    assert {stat.S_IMODE(folder.stat().st_mode) & 0o077 for folder in folders} == {0}


def test_no_pin_lies_in_a_card_s_file(room: Room) -> None:
    for name in ("physician", "patient-with-pin"):
        content = json.loads(room.card(name).read_bytes())
        assert not {PIN, PUK} & set(json.dumps(content).split('"'))
        assert content["pin"]["scrypt"]["n"] >= 2**14


def test_no_log_line_tells_who_the_patient_is(
    home: Home, insurer: Insurer, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    readers = TroubledReaders(home.slots)
    with served(home, insurer, clock, devices=readers) as room:
        told = _a_whole_day(room, readers)
    services = [record for record in caplog.records if record.name != "httpx"]  # the clinic's program is not ours
    text = "\n".join(repr(_told_by(record)) for record in services)
    said = PERSONAL | {room.number(path.stem) for path in home.cards.glob("*.json")} | told
    assert [fact for fact in said if fact in text] == []
    ours = [record.getMessage() for record in caplog.records if record.name == "nhicard.reader"]
    assert any("RuntimeError" in line for line in ours)
    for path in (wire.SIGN_HC, wire.SIGN_HPC_HC, wire.VERIFY_QR, wire.HC_PIN, wire.VERIFY_HPC, wire.BASIC_DATA):
        assert any(f" {path} " in line for line in ours), path


def _a_whole_day(room: Room, readers: TroubledReaders) -> set[str]:
    """Every kind of call, answered and refused; what was said that no log may repeat."""
    room.opened(staff=PIN)
    tap = room.tap()
    room.signed("HpcHc", "01", "/api/v1/Prescription/Query")
    room.signed("SAM", "03", "/api/v1/TreatmentNumber/NoCard", patientId=PATIENT)
    room.local("GET", wire.BASIC_DATA)
    room.insert(3, "patient-with-pin")
    for code in (w.OTHER_PIN, PIN, PATIENT):
        room.local("POST", wire.HC_PIN, {"pin": code})
    room.local("PUT", wire.HC_PIN, {"newPin": "246810", "puk": PUK})
    room.local("POST", wire.INITIAL, {"name": PATIENT})
    room.send("GET", f"/api/{PATIENT}", params={"id": PATIENT})
    room.local("POST", wire.INITIAL, content=f'{{"name": ["{PATIENT}"]}}'.encode())
    token = room.qr()
    room.local("POST", wire.READ_QR, {"token": token})
    room.local("POST", wire.VERIFY_QR, {"token": token})
    room.tap()
    room.local("POST", wire.VERIFY_QR, {"token": token})
    room.insurer.reachable = False
    room.local("DELETE", wire.HC_LOGOUT)  # a warning: the data centre is not told
    room.insurer.reachable = True
    readers.readers[2].fails_at(SIGN, raising(RuntimeError(f"the card of {PATIENT} {PIN}")))
    assert room.local("POST", wire.SIGN_HC, {"serviceType": "01"})["statusCode"] == -1
    return {token, tap["signature"], tap["treatmentNumber"], "246810", w.OTHER_PIN}


def test_a_reply_repeats_nothing_of_a_request_that_failed(room: Room) -> None:
    for body in ({"name": [PATIENT]}, {"name": PATIENT}, {"pin": PATIENT}):
        for path in (wire.INITIAL, wire.VERIFY_HPC):
            assert PATIENT not in room.send("POST", path, json=body).text


# ---- what is compared in constant time ----


@pytest.mark.parametrize(
    "decides",
    [
        "nhicard.reader.cards.secret_code.SecretCode.matches",
        "nhicard.identity.signature_block.require_session",
        "nhicard.insurer.datacentre.services.security_modules.verify",
    ],
    ids=["PIN and PUK", "virtual card's signature", "cloud SAM's machine"],
)
def test_secrets_are_compared_in_constant_time(decides: str) -> None:
    target: Any = __import__(decides.split(".", maxsplit=1)[0])
    for part in decides.split(".")[1:]:
        target = getattr(target, part)
    tree = ast.parse(inspect.cleandoc("\n" + inspect.getsource(inspect.unwrap(target))))
    calls = [ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)]
    assert "hmac.compare_digest" in calls
    names = {"digest", "signature", "machine"}
    equal = [node for node in ast.walk(tree) if isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.Eq)]
    assert not [node for node in equal if names & {each.attr for each in ast.walk(node) if hasattr(each, "attr")}]


# ---- what may be used once, and what is not forgotten ----


def test_a_signature_and_a_qr_code_are_good_once(room: Room) -> None:
    room.opened()
    block = room.local("POST", wire.SIGN_HC, {"serviceType": "01"})
    again = [room.ask("/api/v1/BasicData/Query", block)["statusCode"] for _ in range(3)]
    assert again == [0, 3245, 3245]
    token = {"token": room.qr()}
    assert [room.local("POST", wire.VERIFY_QR, token)["statusCode"] for _ in range(3)] == [0, 1525, 1525]
    assert room.local("POST", wire.READ_QR, token)["statusCode"] == 1525


def test_a_signature_is_good_for_an_hour(room: Room) -> None:
    room.opened()
    blocks = [room.local("POST", wire.SIGN_SAM, {"serviceType": "03"}) for _ in range(2)]
    room.clock.later(hours=1)
    path, facts = "/api/v1/TreatmentNumber/NoCard", {"patientId": PATIENT}
    assert room.ask(path, blocks[0] | facts)["statusCode"] == 0
    room.clock.later(seconds=1)
    assert room.ask(path, blocks[1] | facts)["statusCode"] == 3100


def test_wrong_pins_are_counted_over_restarts_until_the_puk(home: Home, insurer: Insurer, clock: Clock) -> None:
    def in_a_new_service(method: str, path: str, **body: str) -> int:
        with served(home, insurer, clock) as room:
            return int(room.local(method, path, body)["statusCode"])

    wrong = [in_a_new_service("POST", wire.VERIFY_HPC, pin=w.OTHER_PIN) for _ in range(4)]
    assert wrong == [1410, 1410, 9043, 9043]
    assert in_a_new_service("POST", wire.VERIFY_HPC, pin=PIN) == 9043
    assert in_a_new_service("PUT", wire.HPC_PIN, puk=PUK, newPin="246810") == 0
    assert in_a_new_service("POST", wire.VERIFY_HPC, pin=PIN) == 1410
    assert in_a_new_service("POST", wire.VERIFY_HPC, pin="246810") == 0


def test_a_patient_s_pin_is_set_verified_changed_and_removed(room: Room) -> None:
    def code(method: str, **body: str) -> int:
        return int(room.local(method, wire.HC_PIN, body)["statusCode"])

    assert code("PUT", newPin="1357") == 0
    assert room.local("DELETE", wire.HC_LOGOUT)["statusCode"] == 0
    room.opened()
    assert room.local("POST", wire.SIGN_HC, {"serviceType": "01"})["statusCode"] == 1511
    assert [code("POST", pin="1357"), code("PUT", newPin="2468")] == [0, 0]
    assert room.signed("Hc", "01", "/api/v1/BasicData/Query")["statusCode"] == 0
    assert [code("DELETE"), code("DELETE")] == [0, 1510]
    assert room.signed("Hc", "01", "/api/v1/BasicData/Query")["statusCode"] == 0


#: When and where a line was logged, as numbers: their digits may be anybody's.
_MOMENT = {"created", "msecs", "relativeCreated", "thread", "process", "lineno"}


def _told_by(record: logging.LogRecord) -> dict[str, Any]:
    return {name: value for name, value in record.__dict__.items() if name not in _MOMENT} | {
        "message": record.getMessage()
    }
