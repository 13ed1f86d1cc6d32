"""Calls to the data centre: the paths, signed requests, and requests that are not as they should be."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from tests.insurer.desk import Desk

from nhicard.identity.ecdsa import LENGTH
from nhicard.identity.keyring import _ORDER_P256
from nhicard.identity.virtual_token import Setting
from nhicard.insurer.datacentre import models as visits

Call = tuple[str, dict[str, Any] | str]

NEXT, ROLL_BACK = "/api/v1/SequelNumber/Next", "/api/v1/SequelNumber/Rollback"
BY_CARD, NO_CARD = "/api/v1/TreatmentNumber/Card", "/api/v1/TreatmentNumber/NoCard"
CODES, ORDERS = "/api/v1/Treatment/WriteCodeFee", "/api/v1/Prescription/Write"
DIAGNOSES, OLD_ORDERS = "/api/v1/Treatment/NeedHPC", "/api/v1/Prescription/Query"
BASIC, UPDATE = "/api/v1/BasicData/Query", "/api/v1/HcContent/Update"
READ_QR, VERIFY_QR = "/api/v1/VirtualHc/ReadBasic", "/api/v1/VirtualHc/Verification"
TRANSFER, RECEIVE = "/api/v1/VirtualHc/Transfer", "/api/v1/VirtualHc/Receive"
ASK, ANSWER = "/api/v1/TeleMedicine/RequestToken", "/api/v1/TeleMedicine/ResponseToken"
PENDING, DECIDE = "/app/v1/TeleMedicine/Pending", "/app/v1/TeleMedicine/Decide"
SAM_VERIFY, APPLY, DOWNLOAD = "/api/v1/Sam/Verification", "/api/v1/CloudSam/Apply", "/api/v1/CloudSam/Download"
ISSUE, TEST_QR = "/test/v1/Card/Issue", "/test/v1/ApplyVirtualHc/Apply"
TIME = "1150302093015"  # NOW
ORDER = {"treatmentItemCode": "A000015421", "days": "7", "totalQuantity": "21.00", "treatmentItem": "1"}


def signed(path: str, signers: str, service_type: str, **extra: Any) -> Callable[[Desk], Call]:
    return lambda desk: (path, desk.block(signers, service_type, machine=extra.get("machine")) | extra)


def tap(**extra: Any) -> Callable[[Desk], Call]:
    return signed(NEXT, "SAM HC", "03", **{"treatmentItem": "01", "afterCheck": "1"} | extra)


def phone(path: str, **said: Any) -> Callable[[Desk], Call]:
    return lambda desk: (path, desk.spoken(desk.hc, **said))


def without(key: str, call: Callable[[Desk], Call]) -> Callable[[Desk], Call]:
    def incomplete(desk: Desk) -> Call:
        path, body = call(desk)
        assert isinstance(body, dict)
        return path, {name: value for name, value in body.items() if name != key}

    return incomplete


def edited(call: Callable[[Desk], Call], edit: Callable[[str], str]) -> Callable[[Desk], Call]:
    """The same call with its signature changed."""

    def tampered(desk: Desk) -> Call:
        path, body = call(desk)
        assert isinstance(body, dict)
        return path, body | {"signature": edit(body["signature"])}

    return tampered


def again(
    call: Callable[[Desk], Call], edit: Callable[[str], str] = str, path: str | None = None
) -> Callable[[Desk], Call]:
    """The same block a second time, perhaps to another path or written in another way that is just as genuine."""

    def repeated(desk: Desk) -> Call:
        first, body = call(desk)
        assert isinstance(body, dict)
        assert desk.post(first, body)["statusCode"] == 0
        return path or first, body | {"signature": edit(body["signature"])}

    return repeated


def mirrored(signature: str) -> str:
    """The block's last part with n - s in place of s: valid ECDSA as well."""
    content = base64.b64decode(signature)
    return base64.b64encode(content[:-LENGTH] + mirror(content[-LENGTH:])).decode()


def mirror(raw: bytes) -> bytes:
    """The other signature that the same key's holder vouches for, without the key."""
    return raw[:32] + (_ORDER_P256 - int.from_bytes(raw[32:], "big")).to_bytes(32, "big")


def flipped(signature: str) -> str:
    content = bytearray(base64.b64decode(signature))
    content[-1] ^= 1
    return base64.b64encode(content).decode()


def aged(**span: float) -> Callable[[Desk], Call]:
    """A tap whose signature was made so long ago."""
    return lambda desk: (BASIC, desk.block("SAM HC", "01", at=desk.now - timedelta(**span)))


def take(desk: Desk) -> Call:
    token = visits.VirtualCardTransfer.objects.get().token
    return RECEIVE, desk.block("SAM", "01") | {"transferToken": token}


def answer(desk: Desk) -> Call:
    token = visits.TelemedicineRequest.objects.get().access_token
    return ANSWER, desk.block("SAM", "01") | {"accessToken": token}


def decide(*, setting: Setting = Setting.TELEMEDICINE, **said: Any) -> Callable[[Desk], Call]:
    def call(desk: Desk) -> Call:
        token = visits.TelemedicineRequest.objects.get().access_token
        return DECIDE, desk.spoken(desk.hc, **{"accessToken": token, "token": desk.qr(desk.hc, setting)} | said)

    return call


def download(password: str = "long enough for a key") -> Callable[[Desk], Call]:
    def call(desk: Desk) -> Call:
        application = visits.CloudSamApplication.objects.get()
        return DOWNLOAD, desk.block("HPC", "01") | {"applicationId": application.pk, "password": password}

    return call


def qr(path: str, edit: Callable[[str], str] = str) -> Callable[[Desk], Call]:
    return lambda desk: (path, desk.block("SAM", "01") | {"token": edit(desk.qr(desk.hc))})


def old_qr(desk: Desk) -> Call:
    token = desk.qr(desk.hc)
    desk.later(minutes=5, seconds=1)
    return VERIFY_QR, desk.block("SAM", "01") | {"token": token}


def used_qr(desk: Desk) -> Call:
    token = desk.qr(desk.hc)
    assert desk.scan(token)["statusCode"] == 0
    return VERIFY_QR, desk.block("SAM", "01") | {"token": token}


def early_qr(desk: Desk) -> Call:
    desk.later(minutes=5, seconds=1)
    token = desk.qr(desk.hc)
    desk.later(minutes=-5, seconds=-1)
    return VERIFY_QR, desk.block("SAM", "01") | {"token": token}


def mirrored_qr(desk: Desk) -> Call:
    path, body = used_qr(desk)
    assert isinstance(body, dict)
    signed_part, _, signature = body["token"].rpartition(".")
    other = base64.urlsafe_b64encode(mirror(base64.urlsafe_b64decode(signature + "=="))).decode().rstrip("=")
    return path, body | {"token": f"{signed_part}.{other}"}


def repeated_by_phone(desk: Desk) -> Call:
    path, body = phone(PENDING, nonce="once")(desk)
    assert isinstance(body, dict)
    assert desk.post(path, body)["statusCode"] == 0
    return path, body | {"signature": base64.b64encode(mirror(base64.b64decode(body["signature"]))).decode()}
