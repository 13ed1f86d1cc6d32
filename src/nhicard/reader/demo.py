"""A walk through a day at the desk, exchange by exchange, as a clinic's own program would make it.

Every answer is checked; the walk ends at the first one that is not as it must be.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import httpx

from nhicard.identity.virtual_token import Setting
from nhicard.reader import phone
from nhicard.reader.phone import VirtualCardFile

Json = dict[str, Any]
STAFF_PIN: Final = "135790"
_SHOWN: Final = (
    "treatmentDateTime", "sequenceNumber", "treatmentNumber", "isSameDay", "cardValidity", "treatmentCounter",
)  # fmt: skip


class Mismatch(Exception):
    """An answer was not as it must be; the message says which and how."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and its answer, as it is shown: nothing that says who the patient is."""

    where: str
    method: str
    path: str
    code: int
    shown: Json


@dataclass
class Desk:
    """The two services, and who is told of each exchange."""

    reader: httpx.Client
    centre: httpx.Client
    show: Callable[[Exchange], None]
    identifiers: list[tuple[str, str, str]] = field(default_factory=list)

    def local(self, method: str, path: str, body: Json | None = None, *, code: int = 0) -> Json:
        """A call of the control software, with the body ``{}`` that clients send even with GET and DELETE."""
        return self._call(self.reader, "reader", method, path, body or {}, code)

    def ask(self, path: str, body: Json, *, code: int = 0) -> Json:
        """A call of the data centre."""
        return self._call(self.centre, "data centre", "POST", path, body, code)

    def signed(self, signers: str, service_type: str, path: str, facts: Json | None = None, *, code: int = 0) -> Json:
        """A signature of the control software, forwarded unchanged to the data centre with the facts."""
        block = self.local("POST", _SIGNATURES[signers], {"serviceType": service_type})
        return self.ask(path, block | (facts or {}), code=code)

    def _call(self, client: httpx.Client, where: str, method: str, path: str, body: Json, code: int) -> Json:
        response = client.request(method, path, json=body)
        if response.status_code != 200:
            raise Mismatch(f"{method} {path}: HTTP {response.status_code} instead of 200")
        reply: Json = response.json()
        shown = {name: reply[name] for name in _SHOWN if reply.get(name) not in (None, "")}
        self.show(Exchange(where, method, path, reply["statusCode"], shown))
        if reply["statusCode"] != code:
            raise Mismatch(f"{method} {path}: statusCode {reply['statusCode']} instead of {code}")
        return reply


_SIGNATURES: Final = {
    "SAM": "/api/sam/v1/Signature",
    "HC": "/api/hc/v1/Signature/Hc",
    "HPC HC": "/api/hc/v1/Signature/HpcHc",
}


def require(condition: bool, what: str) -> None:
    """Raises Mismatch with what should have been."""
    if not condition:
        raise Mismatch(what)


def walk(desk: Desk, virtual: VirtualCardFile, patient: str, now: Callable[[], datetime]) -> None:
    """All steps. ``patient``: ID of the holder of the card in the reader. Raises Mismatch."""
    for title, step in _STEPS:
        desk.show(Exchange("step", "", title, 0, {}))
        step(_Walk(desk, virtual, patient, now))


@dataclass
class _Walk:
    desk: Desk
    virtual: VirtualCardFile
    patient: str
    now: Callable[[], datetime]

    def initialise(self) -> None:
        self.desk.local("GET", "/api/common/v1/Status")
        self.desk.local("POST", "/api/common/v1/Initial", {"name": ""})
        self.desk.local("POST", "/api/common/v1/Initial", {"name": ""}, code=1001)

    def verify_sam(self) -> None:
        self.desk.local("POST", "/api/sam/v1/Verification")
        status = self.desk.local("GET", "/api/common/v1/Status")["status"]
        require(status["sam"]["status"] == 2, "the SAM is verified")

    def verify_staff(self) -> None:
        self.desk.local("POST", "/api/hpc/v1/Verification/Hpc", {"pin": STAFF_PIN})
        status = self.desk.local("GET", "/api/common/v1/Status")["status"]
        require(status["hpc"]["status"] == 3, "the staff card is verified")

    def tap(self) -> Json:
        self.desk.local("DELETE", "/api/hc/v1/Logout")
        basic = self.desk.signed("HC", "01", "/api/v1/BasicData/Query")
        require(basic["idCardNum"] == self.patient, "the card is the patient's")
        register = self.desk.signed("HC", "01", "/api/v1/BasicData/Register2")
        if register["treatmentCounter"] <= 0:
            self.desk.signed("HC", "04", "/api/v1/HcContent/Update")
        reply = self._next("01")
        require(re.fullmatch(r"[0-9]{4}", reply["sequenceNumber"]) is not None, "four digits of sequence number")
        return reply

    def visit(self) -> None:
        tap = self.tap()
        tapped = tap["treatmentDateTime"]
        again = self.desk.signed("HC", "03", "/api/v1/TreatmentNumber/Card", {"treatmentDateTime": tapped})
        require(again["treatmentNumber"] == tap["treatmentNumber"], "the same tap has the same identifier")
        diagnosis = {
            "treatmentDateTime": tapped, "afterCheck": "1", "mainCode": "J0190",
            "subCode1": "", "subCode2": "", "subCode3": "", "subCode4": "", "subCode5": "",
            "outpatientFee": 150, "costFee": 320, "inpatientFee": 0, "inpatient30Fee": 0, "inpatient180Fee": 0,
        }  # fmt: skip
        self.desk.signed("HC", "02", "/api/v1/Treatment/WriteCodeFee", diagnosis)
        self.desk.signed("HC", "02", "/api/v1/Treatment/WriteCodeFee", diagnosis, code=3209)
        self._prescribe(tapped)
        seen = self.desk.signed("HPC HC", "01", "/api/v1/Prescription/Query")
        require(len(seen["outpatientPrescriptions"]) == 3, "three orders are on record")

    def _prescribe(self, tapped: str) -> None:
        procedure = {
            "days": "00", "deliveryNotes": "03", "totalQuantity": "0000001", "treatmentDateTime": tapped,
            "treatmentItem": "3", "treatmentItemCode": "48001C      ", "treatmentPosition": "      ",
            "usage": "                  ",
        }  # fmt: skip
        drugs = [
            {
                "days": "7", "deliveryNotes": "01", "totalQuantity": "21.00", "treatmentDateTime": tapped,
                "treatmentItem": "1", "treatmentItemCode": code, "treatmentPosition": "", "usage": "TID",
            }
            for code in ("A000015421", "AB48089100")
        ]  # fmt: skip
        signatures = [
            signature
            for orders in ([procedure], drugs)
            for signature in self.desk.signed(
                "HC", "02", "/api/v1/Prescription/Write", {"treatmentDateTime": tapped, "prescriptions": orders}
            )["hexSignatureItems"]
        ]
        wellformed = [re.fullmatch(r"[0-9A-F]{40}", each) for each in signatures]
        require(len(set(signatures)) == 3 and all(wellformed), "one prescription signature for each of three orders")

    def roll_back(self) -> None:
        before = self.desk.signed("HC", "01", "/api/v1/BasicData/Register2")["treatmentCounter"]
        self._wait_for_next_second()
        tapped = self._next("01", code=5010)["treatmentDateTime"]
        self.desk.signed("HC", "03", "/api/v1/SequelNumber/Rollback", {"treatmentDateTime": tapped})
        self.desk.signed("HC", "03", "/api/v1/SequelNumber/Rollback", {"treatmentDateTime": tapped}, code=3220)
        after = self.desk.signed("HC", "01", "/api/v1/BasicData/Register2")["treatmentCounter"]
        require(before == after, "a roll-back gives the use back")

    def without_card(self) -> None:
        self.desk.local("DELETE", "/api/hc/v1/Logout")
        self._wait_for_next_second()
        reply = self.desk.signed("SAM", "03", "/api/v1/TreatmentNumber/NoCard", {"patientId": self.patient})
        self._keep(reply, self.patient)

    def virtual_card(self) -> None:
        self._by_token(self.virtual.token(Setting.ON_SITE, self.now()), tap=0)

    def telemedicine(self) -> None:
        self._wait_for_next_second()
        asked = self.desk.signed("SAM", "01", "/api/v1/TeleMedicine/RequestToken", {"patientId": self.virtual.id_no})
        facts = {"accessToken": asked["accessToken"]}
        self.desk.signed("SAM", "01", "/api/v1/TeleMedicine/ResponseToken", facts, code=3239)
        waiting = phone.pending(self.virtual, self.desk.ask)
        require([row["accessToken"] for row in waiting] == [asked["accessToken"]], "the phone shows the request")
        phone.decide(self.virtual, asked["accessToken"], agreed=True, now=self.now(), post=self.desk.ask)
        reply = self.desk.signed("SAM", "01", "/api/v1/TeleMedicine/ResponseToken", facts)
        self._by_token(reply["virtualCardToken"], tap=5010)  # here already today: a warning

    def _by_token(self, token: str, *, tap: int) -> None:
        read = self.desk.local("POST", "/api/hc/v1/VirtualHc/ReadBasic", {"token": token})
        require(read["idNo"] == self.virtual.id_no, "the QR code is the patient's")
        self.desk.local("POST", "/api/hc/v1/Verification/VirtualHc", {"token": token})
        self.desk.local("POST", "/api/hc/v1/Verification/VirtualHc", {"token": token}, code=1525)
        reply = self._next("01", code=tap)
        require(re.fullmatch(r"W[0-9]{3}", reply["sequenceNumber"]) is not None, "a W number for a virtual card")
        self.desk.local("DELETE", "/api/hc/v1/Logout")

    def _next(self, item: str, code: int = 0) -> Json:
        facts = {"treatmentItem": item, "babyTreatment": " ", "afterCheck": "1"}
        reply = self.desk.signed("HC", "03", "/api/v1/SequelNumber/Next", facts, code=code)
        self._keep(reply, self.virtual.id_no if reply["sequenceNumber"].startswith("W") else self.patient)
        return reply

    def _keep(self, reply: Json, person: str) -> None:
        identifier = reply["treatmentNumber"]
        require(re.fullmatch(r"[0-9A-Z]{20}", identifier) is not None, "an identifier of 20 digits and capitals")
        self.desk.identifiers.append((identifier, person, reply["treatmentDateTime"]))

    def _wait_for_next_second(self) -> None:
        """A patient has one visit a second."""
        time.sleep(1.01)


_STEPS: Final[list[tuple[str, Callable[[_Walk], object]]]] = [
    ("初始化 Initialise", _Walk.initialise),
    ("驗證安全模組 Verify the SAM", _Walk.verify_sam),
    ("驗證醫事人員卡 Verify the staff card", _Walk.verify_staff),
    ("刷卡看診：序號、識別碼、診斷、三筆處方簽章 Tap, diagnosis, three signed orders", _Walk.visit),
    ("退掛 Roll back", _Walk.roll_back),
    ("無卡取號 Identifier without a card", _Walk.without_card),
    ("虛擬健保卡 QR 碼 Virtual card by QR code", _Walk.virtual_card),
    ("視訊診療 Telemedicine", _Walk.telemedicine),
]
