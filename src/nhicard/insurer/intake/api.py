"""The upload and download services: the Web API under the paths and keys that clients in the field use, and the VPN
way with the same requests, which answers with what was received and gives results as ZIP files."""

from __future__ import annotations

import base64
import binascii
import ipaddress
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, JsonResponse
from ninja import NinjaAPI

from nhicard.identity.signature_block import Block
from nhicard.insurer import clock
from nhicard.insurer.intake import limits
from nhicard.insurer.intake.kinds import CONNECTION_TEST, KINDS, Channel
from nhicard.insurer.intake.models import Submission
from nhicard.insurer.intake.return_codes import (
    NOT_READY,
    NOT_VERIFIED,
    OK,
    OTHER,
    OTHER_SAM,
    VERIFIER_FAILED,
    WRONG_TYPE,
    Returned,
)
from nhicard.insurer.intake.services import receiving, results, senders
from nhicard.insurer.intake.services.receiving import SignatureUsedBefore, Upload

FINDINGS: Final = "application/vnd.nhicard.findings+json"
_UPLOAD_KEYS: Final = (
    "sSamid", "sHospid", "sClientrandom", "sSignature", "sType", "sMrecs", "sPrecs", "sPatData", "sUploadDT",
)  # fmt: skip
_DOWNLOAD_KEYS: Final = ("sSamid", "sHospid", "sClientrandom", "sSignature", "sType", "sOpcode")
_log = logging.getLogger("nhicard.intake")
rate = limits.Rate(settings.UPLOADS_A_MINUTE)
rate_of_addresses = limits.Rate(
    settings.REQUESTS_A_MINUTE, "請稍後再試 too many requests a minute from one address; wait a little"
)

api = NinjaAPI(
    title="nhicard upload service",
    version="2",
    description="健保卡就醫資料上傳 Web API。Keys are accepted in every case variant; every reply is HTTP 200.",
    urls_namespace="intake",
    openapi_url="/intake/openapi.json",
    docs_url=None,
)


@dataclass(frozen=True, slots=True)
class Asked:
    """A request's values by lower-case key, and how its client spells the keys of a reply."""

    values: dict[str, str]
    spelling: dict[str, str]

    def __getitem__(self, key: str) -> str:
        """The value, empty where there is none. Raises Returned for characters that no value of the service has."""
        value = self.values.get(key.lower(), "")
        if not value.isascii() or "\0" in value:
            raise Returned(OTHER, f"{key} 含有不能使用的字元 {key} has characters that cannot be there")
        return value


# The Python client writes sSamId and reads RtnCode; the others write sSamid and read rtnCode.
_CAPITALS: Final = {"rtnCode": "RtnCode", "opCode": "Opcode"}


def _asked(request: HttpRequest) -> Asked:
    try:
        body = json.loads(request.body)
    except (ValueError, RecursionError):
        raise Returned(OTHER, "內容不是 JSON the body is not JSON") from None
    except RequestDataTooBig:
        raise Returned(OTHER, "檔案太大，請分檔上傳 the upload is too large; split it") from None
    if not isinstance(body, dict):
        raise Returned(OTHER, "內容不是 JSON 物件 the body is not a JSON object")
    values = {
        str(key).lower(): str(value)
        for key, value in body.items()
        if isinstance(value, str | int) and value is not None
    }
    return Asked(values, _CAPITALS if "sSamId" in body else {})


def _answering(answer: Callable[[HttpRequest, Asked], dict[str, Any]]) -> Callable[[HttpRequest], JsonResponse]:
    """Runs a service; whatever goes wrong becomes a return code."""

    def operation(request: HttpRequest) -> JsonResponse:
        spelling: dict[str, str] = {}
        try:
            _require_moderation(request)
            asked = _asked(request)
            spelling = asked.spelling
            reply = answer(request, asked)
        except Returned as returned:
            reply = {"rtnCode": returned.code}
            if returned.detail:
                reply["message"] = returned.detail
        except Exception as error:
            # the path is one of ours, for another one leads elsewhere
            _log.error("%s failed with %s", request.path, type(error).__name__, exc_info=True)
            reply = {"rtnCode": OTHER, "message": "系統異常，請稍後再試 a fault of the service; try again later"}
        return JsonResponse({spelling.get(key, key): value for key, value in reply.items()})

    return operation


def _upload(request: HttpRequest, asked: Asked) -> dict[str, Any]:
    submission = _received(request, asked, Channel.WEB_API)
    return {"rtnCode": OK, "opCode": submission.receipt if submission else ""}


def _upload_by_vpn(request: HttpRequest, asked: Asked) -> dict[str, Any]:
    """The receipt with an echo of what came: institution, kind, size, time."""
    submission = _received(request, asked, Channel.VPN)
    if submission is None:
        return {"rtnCode": OK, "opCode": ""}
    return {
        "rtnCode": OK,
        "opCode": submission.receipt,
        "hospitalId": submission.institution,
        "kind": KINDS[submission.kind].zh,
        "size": submission.size,
        "receivedAt": f"{submission.received_at:%Y%m%d%H%M%S}",
    }


def _received(request: HttpRequest, asked: Asked, channel: Channel) -> Submission | None:
    """The upload, kept; None for a connection test."""
    kind = asked["sType"]
    if kind not in KINDS and kind != CONNECTION_TEST:
        raise Returned(WRONG_TYPE)
    sender = _sender(asked)
    if kind == CONNECTION_TEST:
        return None
    rate.require(sender.sam)
    content = _content(asked["sPatData"])
    limits.require_size(content)
    upload = Upload(sender.institution, sender.sam, channel, kind, content, _address(request), sender.signature)
    try:
        return receiving.receive(upload, clock.now())
    except SignatureUsedBefore:
        raise Returned(NOT_VERIFIED, "簽章已用於其他內容 the signature was used for other content") from None


def _download(request: HttpRequest, asked: Asked) -> dict[str, Any]:
    submission = _finished(asked)
    if FINDINGS in request.headers.get("accept", ""):
        content = json.dumps(results.as_json(submission), ensure_ascii=False).encode()
    else:
        content = results.as_bytes(submission, utf8="utf-8" in request.headers.get("accept-charset", "").lower())
    return {"rtnCode": OK, "tx_result_json": base64.b64encode(content).decode()}


def _download_by_vpn(request: HttpRequest, asked: Asked) -> dict[str, Any]:
    """The result as a ZIP with one text file; no file where nothing is to be said of any record."""
    submission = _finished(asked)
    content = results.as_zip(submission) if submission.rejected or submission.accepted_with_warnings else b""
    counts = {name: getattr(submission, name) for name in ("records", "accepted", "rejected")}
    return (
        {"rtnCode": OK, "fileName": f"{submission.receipt.strip()}.zip" if content else ""}
        | counts
        | {"content": base64.b64encode(content).decode()}
    )


def _finished(asked: Asked) -> Submission:
    """The submission of the receipt, checked, of this sender."""
    sender = _sender(asked)
    submission = Submission.objects.filter(receipt=asked["sOpcode"].ljust(42)).first()
    if submission is None or submission.institution != sender.institution:
        raise Returned(OTHER, "查無此作業代碼 no such receipt")
    if submission.sam != sender.sam:
        raise Returned(OTHER_SAM)
    try:
        results.require_ready(submission, clock.now())
    except results.NotReady:
        raise Returned(NOT_READY) from None
    except results.Expired:
        raise Returned(OTHER, f"結果已逾保存期限 the result is no longer kept {results.counts(submission)}") from None
    return submission


def _sender(asked: Asked) -> senders.Sender:
    block = Block(asked["sClientrandom"], asked["sHospid"], asked["sSamid"])
    try:
        return senders.verify(block, asked["sSignature"], clock.now())
    except Returned:
        raise
    except Exception as error:
        _log.error("verifying a signature failed with %s", type(error).__name__)
        raise Returned(VERIFIER_FAILED) from None


def _require_moderation(request: HttpRequest) -> None:
    """Before anything is read or verified; raises Returned. Not of this machine itself: a proxy speaks for many."""
    address = _address(request)
    if address and not ipaddress.ip_address(address).is_loopback:
        rate_of_addresses.require(address)


def _content(text: str) -> bytes:
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except binascii.Error:
        raise Returned(OTHER, "sPatData 不是 base64 sPatData is not base64") from None


def _address(request: HttpRequest) -> str | None:
    """The sender's address; what a proxy says of it counts only where it is the proxy that we were told of."""
    address = request.META.get("REMOTE_ADDR", "")
    if settings.PROXY and address == settings.PROXY:
        address = request.headers.get("x-forwarded-for", "").rpartition(",")[2].strip()
    try:
        return str(ipaddress.ip_address(address.partition("%")[0]))  # a zone is the proxy's own affair
    except ValueError:
        return None


def _described(keys: tuple[str, ...], what: str) -> dict[str, Any]:
    """The OpenAPI description of a body whose keys come in any case."""
    properties = {key: {"type": "string"} for key in keys}
    schema = {"type": "object", "properties": properties, "description": "keys in any case"}
    return {"requestBody": {"description": what, "content": {"application/json": {"schema": schema}}}}


_PATHS: Final = [
    ("/V1000/VNHI_Upload", _upload, "上傳", _UPLOAD_KEYS),
    ("/V2000/VNHI_Upload", _upload, "上傳", _UPLOAD_KEYS),
    ("/V1000/VNHI_Download", _download, "取檢核結果", _DOWNLOAD_KEYS),
    ("/V2000/VNHI_Download", _download, "取檢核結果", _DOWNLOAD_KEYS),
    ("/vpn/v1/Upload", _upload_by_vpn, "上傳（VPN）", _UPLOAD_KEYS),
    ("/vpn/v1/Download", _download_by_vpn, "取檢核結果（VPN）", _DOWNLOAD_KEYS),
]
for path, answer, summary, keys in _PATHS:
    api.post(
        path,
        summary=summary,
        operation_id=path.strip("/").replace("/", "_"),
        openapi_extra=_described(keys, "sType: A1 A2 (2.0), B1 B2 (1.0), ZZ connection test"),
    )(_answering(answer))
