"""What is logged of a visit: path, outcome, duration. Never a person, a card or a token."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest
from tests.insurer.datacentre.calls import ASK, CODES, NEXT, NO_CARD, ORDERS, PENDING
from tests.insurer.desk import PATIENT, PHYSICIAN, Card, Desk

from nhicard.insurer.datacentre.services import taps

NAMES = ("測試病患甲", "測試醫師")


class Everything(logging.Handler):
    """All that any logger says, message, arguments and traceback."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(f"{self.format(record)} {record.args!r} {record.__dict__!r}")


@pytest.fixture
def logged(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Lines of every logger at DEBUG, whatever its level was."""
    handler, root = Everything(), logging.getLogger()
    handler.setFormatter(logging.Formatter("%(name)s %(message)s"))
    monkeypatch.setattr(root, "level", logging.DEBUG)
    root.addHandler(handler)
    yield handler.lines
    root.removeHandler(handler)


def test_a_whole_visit_leaves_no_person_in_the_log(desk: Desk, virtual: Card, logged: list[str]) -> None:
    token = desk.qr(virtual)
    inserted = desk.insert(virtual)
    wish = desk.call(ASK, "SAM", "01", patientId=PATIENT)["accessToken"]
    visit = desk.tap()
    time, identifier = visit["treatmentDateTime"], visit["treatmentNumber"]
    desk.call("/api/v1/BasicData/Register", "SAM HC", "01")
    desk.call(CODES, "SAM HC", "02", treatmentDateTime=time, mainCode="J069")
    orders = [{"treatmentItemCode": "A000015421", "days": "7"}]
    signatures = desk.call(ORDERS, "SAM HC", "02", treatmentDateTime=time, prescriptions=orders)["hexSignatureItems"]
    desk.call("/api/v1/Treatment/NeedHPC", "SAM HC HPC", "01")
    desk.scan(token)
    desk.phone(PENDING, virtual)
    _refusals(desk)
    _unexpected(desk)

    secrets = [PATIENT, PHYSICIAN, *NAMES, desk.hc.number, desk.hpc.number, virtual.number, token, wish]
    secrets += [inserted.hc.secret.hex(), identifier, visit["signature"], *signatures]
    assert [(secret, line) for line in logged for secret in secrets if secret in line] == []
    assert [line for line in logged if NEXT in line], "the log says what was called"


def _refusals(desk: Desk) -> None:
    codes = [
        desk.tap()["statusCode"],  # the same second again
        desk.call(NO_CARD, "SAM", "03", patientId="A123456780")["statusCode"],
        desk.post(NEXT, desk.block("SAM HC", "03") | {"treatmentItem": [PATIENT]})["statusCode"],
        desk.post(NEXT, f'{{"hcIdNo": "{PATIENT}"')["statusCode"],
        desk.post(f"/api/v1/Patient/{PATIENT}", {})["statusCode"],
        desk.client.get(NEXT, {"patientId": PATIENT}).json()["statusCode"],
        desk.client.get(f"/api/v1/Patient/{PATIENT}").json()["statusCode"],
        desk.client.post(NEXT, json.dumps({"hcIdNo": PATIENT * 30_000}), "application/json").json()["statusCode"],
    ]
    assert codes == [3236, 3204, 1706, 1704, 1701, 1701, 1701, 1704]
    assert desk.client.get(f"/{PATIENT}").status_code == 404


def _unexpected(desk: Desk) -> None:
    """A fault of the program whose message, and whose cause's message, quote a patient."""

    def fail(*_: object, **__: object) -> None:
        try:
            raise KeyError(PATIENT)
        except KeyError as cause:
            raise RuntimeError(f"no such patient: {PATIENT} {NAMES[0]}") from cause

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(taps, "next_number", fail)
        reply = desk.tap()
    assert reply["statusCode"] == 1799
    assert PATIENT not in json.dumps(reply)


def test_an_unexpected_fault_is_logged_with_its_place(desk: Desk, logged: list[str]) -> None:
    _unexpected(desk)
    [fault] = [line for line in logged if "failed with RuntimeError" in line]
    assert "in _next_number" in fault


def test_a_refusal_names_the_key_never_the_value(desk: Desk) -> None:
    reply = desk.post(NEXT, desk.block("SAM HC", "03") | {"treatmentItem": {PATIENT: PATIENT}})
    assert reply["statusCode"] == 1706
    assert "treatmentItem" in reply["message"]
    assert PATIENT not in reply["message"]
