"""What each method of the client asks of whom, without any input or output of its own.

A flow is a generator: it yields requests, is sent the replies, and returns the result. So the waiting and the
awaited client share every decision.
"""

from __future__ import annotations

import base64
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeVar

from nhicard.formats.status_codes import status_codes

T = TypeVar("T")
Json = dict[str, Any]
_INITIALISED_BEFORE, _WRITTEN_BEFORE = 1001, 3209
_TAP_WARNINGS: Final = frozenset({5010, 5174})
_CARD_TO_UPDATE: Final = frozenset({5003, 3213})


class StatusError(Exception):
    """The reader or the data centre refused; ``code`` is the official status code, the text what it means."""

    def __init__(self, code: int) -> None:
        status = status_codes().get(code)
        super().__init__(f"{code} {status.meaning_zh} {status.meaning_en}" if status else str(code))
        self.code = code


class UnusableAnswer(Exception):
    """No answer came, or one that is none of the protocol."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request: to the reader on this machine or to the data centre."""

    to: Literal["reader", "data centre"]
    method: str
    path: str
    body: Json


Flow = Generator[Request, Json, T]


@dataclass(frozen=True, slots=True)
class Patient:
    """Who holds the card; dates are ROC ``yyyMMdd``, ``sex`` is M or F."""

    card: str = field(repr=False)
    id_no: str = field(repr=False)
    name: str = field(repr=False)
    birthday: str = field(repr=False)
    sex: str


@dataclass(frozen=True, slots=True)
class Tap:
    """A tap: what goes into the visit's record. ``time`` is ROC, 13 digits; ``warning`` is 0, 5010 or 5174."""

    time: str
    sequence: str
    institution: str
    sam: str
    signature: str
    identifier: str
    same_day: bool = False
    warning: int = 0


@dataclass(frozen=True, slots=True)
class Order:
    """An order to be signed. ``item``: 1 short-term drug, 2 long-term drug, 3 procedure, 4 material."""

    code: str
    item: str = "1"
    days: str = ""
    total: str = ""
    usage: str = ""
    site: str = ""
    delivery: str = "01"


def open_session(name: str) -> Flow[None]:
    """Initialise and have the SAM verified."""
    reply = yield Request("reader", "POST", "/api/common/v1/Initial", {"name": name})
    _require(reply, frozenset({_INITIALISED_BEFORE}))
    _require((yield Request("reader", "POST", "/api/sam/v1/Verification", {})))


def verify_staff(pin: str) -> Flow[None]:
    """Verify the staff card's PIN."""
    _require((yield Request("reader", "POST", "/api/hpc/v1/Verification/Hpc", {"pin": pin})))


def patient() -> Flow[Patient]:
    """Who holds the card in the reader, as the data centre knows it."""
    reply = yield from _signed("Hc", "01", "/api/v1/BasicData/Query", {})
    return Patient(reply["cardSn"], reply["idCardNum"], reply["name"], reply["birthday"], reply["sex"])


def virtual_patient(token: str) -> Flow[Patient]:
    """Take a QR code: from now on the virtual card counts as inserted."""
    reply = yield Request("reader", "POST", "/api/hc/v1/Verification/VirtualHc", {"token": token})
    _require(reply)
    return Patient(reply["cardId"], reply["idNo"], reply["name"], reply["birthday"], reply["sex"])


def tap(item: str, *, late: bool, newborn: str) -> Flow[Tap]:
    """A sequence number and a visit identifier; a card that needs an update is updated first."""
    wish = {"treatmentItem": item, "babyTreatment": newborn, "afterCheck": "2" if late else "1"}
    for attempt in range(2):
        try:
            reply = yield from _signed("Hc", "03", "/api/v1/SequelNumber/Next", wish, _TAP_WARNINGS)
            break
        except StatusError as error:
            if attempt or error.code not in _CARD_TO_UPDATE:
                raise
            yield from _signed("Hc", "04", "/api/v1/HcContent/Update", {})
    return Tap(
        reply["treatmentDateTime"],
        reply["sequenceNumber"],
        reply["hospitalId"],
        reply["samId"],
        reply["signature"],
        reply["treatmentNumber"],
        reply["isSameDay"],
        reply["statusCode"],
    )


def identifier(time: str) -> Flow[str]:
    """The identifier of an earlier tap."""
    reply = yield from _signed("Hc", "03", "/api/v1/TreatmentNumber/Card", {"treatmentDateTime": time})
    return str(reply["treatmentNumber"])


def identifier_without_card(id_no: str) -> Flow[Tap]:
    """Time and identifier for a patient without a card."""
    reply = yield from _signed("Sam", "03", "/api/v1/TreatmentNumber/NoCard", {"patientId": id_no})
    return Tap(reply["treatmentDateTime"], "", reply["hospitalId"], "", "", reply["treatmentNumber"])


def roll_back(time: str) -> Flow[None]:
    """Undo a tap."""
    yield from _signed("Hc", "03", "/api/v1/SequelNumber/Rollback", {"treatmentDateTime": time})


def write_diagnosis(time: str, main: str, others: Sequence[str], fees: Json, *, late: bool) -> Flow[None]:
    """Diagnoses and fees; written before counts as done."""
    facts: Json = {"treatmentDateTime": time, "afterCheck": "2" if late else "1", "mainCode": main}
    facts |= {f"subCode{place + 1}": others[place] if place < len(others) else "" for place in range(5)}
    facts |= {
        name: fees.get(name, 0)
        for name in ("outpatientFee", "costFee", "inpatientFee", "inpatient30Fee", "inpatient180Fee")
    }
    yield from _signed("Hc", "02", "/api/v1/Treatment/WriteCodeFee", facts, frozenset({_WRITTEN_BEFORE}))


def prescribe(time: str, orders: Sequence[Order]) -> Flow[list[str]]:
    """One prescription signature an order, in their order: 40 hexadecimal digits each. Raises UnusableAnswer."""
    rows = [
        {
            "days": order.days,
            "deliveryNotes": order.delivery,
            "totalQuantity": order.total,
            "treatmentDateTime": time,
            "treatmentItem": order.item,
            "treatmentItemCode": order.code,
            "treatmentPosition": order.site,
            "usage": order.usage,
        }
        for order in orders
    ]
    facts = {"treatmentDateTime": time, "prescriptions": rows}
    reply = yield from _signed("Hc", "02", "/api/v1/Prescription/Write", facts)
    return _prescription_signatures(reply, len(orders))


def _prescription_signatures(reply: Json, orders: int) -> list[str]:
    # a data centre may answer in base64 only
    signatures = reply.get("hexSignatureItems") or [
        base64.b64decode(item).hex().upper() for item in reply["signatureItems"]
    ]
    if len(signatures) != orders:
        raise UnusableAnswer(f"{len(signatures)} signatures for {orders} orders")
    return signatures


def upload_signature() -> Flow[Json]:
    """The SAM's signature for an upload, good for one hour: ``clientRandom hospitalId samId signature``."""
    reply = yield Request("reader", "POST", "/api/sam/v1/Signature", {"serviceType": "30"})
    _require(reply)
    return {name: reply[name] for name in ("clientRandom", "hospitalId", "samId", "signature")}


def log_out() -> Flow[None]:
    """The patient leaves."""
    _require((yield Request("reader", "DELETE", "/api/hc/v1/Logout", {})))


_SIGNATURES: Final = {
    "Sam": "/api/sam/v1/Signature",
    "Hc": "/api/hc/v1/Signature/Hc",
    "HpcHc": "/api/hc/v1/Signature/HpcHc",
}


def _signed(
    signers: str, service_type: str, path: str, facts: Json, also_good: frozenset[int] = frozenset()
) -> Flow[Json]:
    """A signature from the reader, forwarded to the data centre with the facts."""
    block = yield Request("reader", "POST", _SIGNATURES[signers], {"serviceType": service_type})
    _require(block)
    forwarded = {name: value for name, value in block.items() if name not in ("statusCode", "message")}
    reply = yield Request("data centre", "POST", path, forwarded | facts)
    _require(reply, also_good)
    return reply


def _require(reply: Json, also_good: frozenset[int] = frozenset()) -> None:
    code = reply.get("statusCode")
    if not isinstance(code, int):
        raise UnusableAnswer("an answer without statusCode")
    if code and code not in also_good:
        raise StatusError(code)
