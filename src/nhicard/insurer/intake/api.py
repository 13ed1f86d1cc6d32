"""The upload and download services of the Web API, under the paths and keys that clients in the field use."""

from __future__ import annotations

import base64
import binascii
import ipaddress
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

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
rate = limits.Rate()

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
        return self.values.get(key.lower(), "")


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
            asked = _asked(request)
            spelling = asked.spelling
            reply = answer(request, asked)
        except Returned as returned:
            reply = {"rtnCode": returned.code}
            if returned.detail:
                reply["message"] = returned.detail
        return JsonResponse({spelling.get(key, key): value for key, value in reply.items()})

    return operation


def _upload(request: HttpRequest, asked: Asked) -> dict[str, Any]:
    now = clock.now()
    kind = asked["sType"]
    if kind not in KINDS and kind != CONNECTION_TEST:
        raise Returned(WRONG_TYPE)
    sender = _sender(asked)
    if kind == CONNECTION_TEST:
        return {"rtnCode": OK, "opCode": ""}
    rate.require(sender.sam)
    content = _content(asked["sPatData"])
    limits.require_size(content)
    upload = Upload(sender.institution, sender.sam, Channel.WEB_API, kind, content, _address(request), sender.signature)
    try:
        submission = receiving.receive(upload, now)
    except SignatureUsedBefore:
        raise Returned(NOT_VERIFIED, "簽章已用於其他內容 the signature was used for other content") from None
    return {"rtnCode": OK, "opCode": submission.receipt}


def _download(request: HttpRequest, asked: Asked) -> dict[str, Any]:
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
    if FINDINGS in request.headers.get("accept", ""):
        content = json.dumps(results.as_json(submission), ensure_ascii=False).encode()
    else:
        content = results.as_bytes(submission, utf8="utf-8" in request.headers.get("accept-charset", "").lower())
    return {"rtnCode": OK, "tx_result_json": base64.b64encode(content).decode()}


def _sender(asked: Asked) -> senders.Sender:
    block = Block(asked["sClientrandom"], asked["sHospid"], asked["sSamid"])
    try:
        return senders.verify(block, asked["sSignature"], clock.now())
    except Returned:
        raise
    except Exception as error:
        _log.error("verifying a signature failed with %s", type(error).__name__)
        raise Returned(VERIFIER_FAILED) from None


def _content(text: str) -> bytes:
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except binascii.Error:
        raise Returned(OTHER, "sPatData 不是 base64 sPatData is not base64") from None


def _address(request: HttpRequest) -> str | None:
    try:
        return str(ipaddress.ip_address(request.META.get("REMOTE_ADDR", "")))
    except ValueError:
        return None


def _described(keys: tuple[str, ...], what: str) -> dict[str, Any]:
    """The OpenAPI description of a body whose keys come in any case."""
    properties = {key: {"type": "string"} for key in keys}
    schema = {"type": "object", "properties": properties, "description": "keys in any case"}
    return {"requestBody": {"description": what, "content": {"application/json": {"schema": schema}}}}


for version in ("V1000", "V2000"):
    api.post(
        f"/{version}/VNHI_Upload",
        summary="上傳",
        operation_id=f"{version}_upload",
        openapi_extra=_described(_UPLOAD_KEYS, "sType: A1 A2 (2.0), B1 B2 (1.0), ZZ connection test"),
    )(_answering(_upload))
    api.post(
        f"/{version}/VNHI_Download",
        summary="取檢核結果",
        operation_id=f"{version}_download",
        openapi_extra=_described(_DOWNLOAD_KEYS, "rtnCode 5002: not ready yet"),
    )(_answering(_download))
