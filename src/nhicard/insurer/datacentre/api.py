"""The paths of the data centre: who must sign, what comes in, what goes out, which service answers."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.http import HttpRequest, HttpResponse, JsonResponse
from ninja import NinjaAPI
from ninja.errors import HttpError, ValidationError

from nhicard.formats import rocdate
from nhicard.formats.status_codes import Refused, status_codes
from nhicard.insurer import clock
from nhicard.insurer.datacentre import messages as m
from nhicard.insurer.datacentre.authentication import Caller, Signers, authenticate
from nhicard.insurer.datacentre.services import (
    basic_data,
    security_modules,
    taps,
    telemedicine,
    test_cards,
    treatments,
    virtual_cards,
)

Answer = dict[str, Any]
READ: Final = ("01",)
WRITE: Final = ("02",)
TAP: Final = ("03",)
UPDATE: Final = ("04",)
TEST_QR: Final = ("06",)


@dataclass(frozen=True, slots=True)
class Path:
    """One path. ``signers`` is None where the request is not signed by a reader."""

    path: str
    summary: str
    signers: Signers | None
    service_types: Sequence[str]
    body: type[m.Body]
    reply: type[m.Reply]
    answer: Callable[[Caller, Any, datetime], Answer]


def _next_number(caller: Caller, body: m.NextNumber, now: datetime) -> Answer:
    status, reply = taps.next_number(
        caller, item=body.treatmentItem, baby_treatment=body.babyTreatment, after_check=body.afterCheck, now=now
    )
    return reply | {"statusCode": status}


def _codes_and_fees(caller: Caller, body: m.CodesAndFees, now: datetime) -> Answer:
    return treatments.write_codes_and_fees(
        caller,
        time=_time(body.treatmentDateTime),
        after_check=body.afterCheck,
        main_code=body.mainCode,
        sub_codes=[body.subCode1, body.subCode2, body.subCode3, body.subCode4, body.subCode5],
        fees={fee: getattr(body, fee) for fee in treatments.FEES},
        now=now,
    )


def _decide_telemedicine(body: m.Phone, now: datetime) -> Answer:
    card, said = _phone(body, now)
    agreed = said.get("agreed")
    if not isinstance(agreed, bool):
        raise Refused(1706, "agreed")  # silence is neither consent nor refusal
    return telemedicine.decide(
        card,
        str(said.get("accessToken", "")),
        agreed=agreed,
        token=str(said.get("token", "")),
        now=now,
    )


def _time(text: str) -> datetime:
    try:
        return rocdate.parse_datetime(text)
    except ValueError:
        raise Refused(1706, "treatmentDateTime") from None


def _phone(body: m.Phone, now: datetime) -> tuple[Any, dict[str, Any]]:
    """The phone's virtual card and what it said. Raises Refused: 1704, and those of ``telemedicine.phone``."""
    try:
        message = base64.b64decode(body.message, validate=True)
        signature = base64.b64decode(body.signature, validate=True)
        said = json.loads(message)
    except (binascii.Error, ValueError, RecursionError):
        raise Refused(1704) from None
    if not isinstance(said, dict):
        raise Refused(1704)
    return telemedicine.phone(body.cardSn, message, signature, now), said


def _with(key: str, rows: list[Any]) -> Answer:
    return {key: rows}


SAM, HC, HPC_HC, HPC = Signers.SAM, Signers.HC, Signers.HPC_HC, Signers.HPC
PATHS: Final = [
    Path("/api/v1/BasicData/Query", "卡片基本資料", HC, READ, m.Signed, m.BasicData,
         lambda c, b, t: basic_data.query(c.patient_card)),
    Path("/api/v1/BasicData/Register", "掛號基本資料", HC, READ, m.Signed, m.RegisterData,
         lambda c, b, t: basic_data.register(c.patient_card)),
    Path("/api/v1/BasicData/Register2", "有效期限與可用次數", HC, READ, m.Signed, m.Validity,
         lambda c, b, t: basic_data.register2(c.patient_card)),
    Path("/api/v1/EmergentTel/Query", "緊急聯絡電話", HC, READ, m.Signed, m.Telephone,
         lambda c, b, t: basic_data.emergency_telephone(c.patient_card)),
    Path("/api/v1/HcContent/Update", "更新卡片內容", HC, UPDATE, m.Signed, m.Reply,
         lambda c, b, t: basic_data.update(c, t)),
    Path("/api/v1/CriticalIllness/Query", "重大傷病", HPC_HC, READ, m.Signed, m.CriticalIllnesses,
         lambda c, b, t: _with("criticalIllnesses", basic_data.critical_illnesses(c.patient_card, t.date()))),
    Path("/api/v1/Treatment/NoNeedHPC", "最近就醫（不需醫事人員卡）", HC, READ, m.Signed, m.Treatments,
         lambda c, b, t: _with("treatments", treatments.recent(c.patient_card))
         | _with("criticalIllnesses", basic_data.critical_illnesses(c.patient_card, t.date()))),
    Path("/api/v1/Treatment/NeedHPC", "最近診斷", HPC_HC, READ, m.Signed, m.Diagnoses,
         lambda c, b, t: _with("treatments", treatments.diagnoses(c))),
    Path("/api/v1/Prescription/Query", "最近處方", HPC_HC, READ, m.Signed, m.PrescribedOrders,
         lambda c, b, t: _with("outpatientPrescriptions", treatments.prescriptions(c))),
    Path("/api/v1/SequelNumber/Next", "取就醫序號與就醫識別碼", HC, TAP, m.NextNumber, m.SequenceNumber, _next_number),
    Path("/api/v1/SequelNumber/Rollback", "退掛", HC, TAP, m.Timed, m.Reply,
         lambda c, b, t: taps.roll_back(c, _time(b.treatmentDateTime), t)),
    Path("/api/v1/TreatmentNumber/Card", "持卡取就醫識別碼", HC, TAP, m.Timed, m.Identifier,
         lambda c, b, t: taps.identifier_by_card(c, _time(b.treatmentDateTime))),
    Path("/api/v1/TreatmentNumber/NoCard", "無卡取就醫識別碼", SAM, TAP, m.Patient, m.IdentifierWithoutCard,
         lambda c, b, t: taps.identifier_without_card(c, b.patientId, t)),
    Path("/api/v1/Treatment/WriteCodeFee", "寫入診斷與費用", HC, WRITE, m.CodesAndFees, m.Reply, _codes_and_fees),
    Path("/api/v1/Prescription/Write", "寫入處方並簽章", HC, WRITE, m.Prescriptions, m.OrderSignatures,
         lambda c, b, t: treatments.write_prescriptions(
             c, time=_time(b.treatmentDateTime), orders=b.prescriptions, now=t)),
    Path("/api/v1/TeleMedicine/RequestToken", "視訊診療請求", SAM, READ, m.Patient, m.TelemedicineToken,
         lambda c, b, t: telemedicine.ask(c, b.patientId, t)),
    Path("/api/v1/TeleMedicine/ResponseToken", "視訊診療回覆", SAM, READ, m.AccessToken, m.TelemedicineAnswer,
         lambda c, b, t: telemedicine.answer(c, b.accessToken, t)),
    Path("/api/v1/VirtualHc/ReadBasic", "虛擬卡基本資料", SAM, READ, m.VirtualToken, m.VirtualBasic,
         lambda c, b, t: virtual_cards.read_basic(c, b.token, t)),
    Path("/api/v1/VirtualHc/Verification", "驗證虛擬卡", SAM, READ, m.VirtualToken, m.VirtualSession,
         lambda c, b, t: virtual_cards.verify(c, b.token, t)),
    Path("/api/v1/VirtualHc/Transfer", "虛擬卡轉移至另一台讀卡機", HC, READ, m.Signed, m.Transfer,
         lambda c, b, t: virtual_cards.offer(c, t)),
    Path("/api/v1/VirtualHc/Receive", "接收轉移之虛擬卡", SAM, READ, m.TransferToken, m.VirtualSession,
         lambda c, b, t: virtual_cards.take(c, b.transferToken, t)),
    Path("/api/v1/VirtualHc/Logout", "虛擬卡登出", HC, READ, m.Signed, m.Reply,
         lambda c, b, t: virtual_cards.log_out(c, t)),
    Path("/api/v1/Sam/Verification", "驗證安全模組", SAM, READ, m.Machine, m.SamVerified,
         lambda c, b, t: security_modules.verify(c, b.machine)),
    Path("/api/v1/CloudSam/Apply", "申請雲端安全模組", HPC, READ, m.Signed, m.Application,
         lambda c, b, t: security_modules.apply(c, t)),
    Path("/api/v1/CloudSam/Status", "雲端安全模組申請狀態", HPC, READ, m.Signed, m.Applications,
         lambda c, b, t: security_modules.applications(c)),
    Path("/api/v1/CloudSam/Download", "下載雲端安全模組", HPC, READ, m.Download, m.SamFile,
         lambda c, b, t: security_modules.download(c, b.applicationId, b.password, t)),
    Path("/test/v1/ApplyVirtualHc/Apply", "測試用虛擬卡 QR 碼", SAM, TEST_QR, m.TestPatientSigned, m.TestQr,
         lambda c, b, t: test_cards.virtual_token_for_test(
             sex=b.sex, birthday=b.birthday, foreigner=b.isForeigner, now=t)),
]  # fmt: skip
UNSIGNED_PATHS: Final = [
    Path("/app/v1/TeleMedicine/Pending", "手機：待回覆之視訊診療請求", None, (), m.Phone, m.TelemedicineRequests,
         lambda _, b, t: _with("requests", telemedicine.pending(_phone(b, t)[0], t))),
    Path("/app/v1/TeleMedicine/Decide", "手機：同意或拒絕視訊診療", None, (), m.Phone, m.Reply,
         lambda _, b, t: _decide_telemedicine(b, t)),
    Path("/test/v1/Card/Issue", "測試卡", None, (), m.TestCard, m.TestCardIssued,
         lambda _, b, t: test_cards.issue(b, t)),
]  # fmt: skip

api = NinjaAPI(
    title="nhicard data centre",
    version="1",
    description="健保資料中心：控制軟體所呼叫的服務。Every reply is HTTP 200 with an integer statusCode.",
    urls_namespace="datacentre",
    openapi_url="/datacentre/openapi.json",
    docs_url=None,
)


def _operation(path: Path) -> Callable[[HttpRequest, Any], Answer]:
    def operation(request: HttpRequest, body: Any) -> Answer:
        now = clock.now()
        try:
            # a path without signers reads its caller from the body itself
            caller: Any = path.signers and authenticate(body, path.signers, path.service_types, now)
            return path.reply(**path.answer(caller, body, now)).model_dump()
        except Refused as refusal:
            return refused(path.reply, refusal)

    operation.__annotations__ = {"request": HttpRequest, "body": path.body, "return": path.reply}
    return operation


def refused(reply: type[m.Reply], refusal: Refused) -> Answer:
    """The reply of a refusal: every key, the status code and what it means.

    Details of the data centre's refusals name keys and reasons, never a value that was sent.
    """
    detail = f" [{refusal.detail}]" if refusal.detail else ""
    return reply(statusCode=refusal.code, message=meaning(refusal.code) + detail).model_dump()


def meaning(code: int) -> str:
    """A status code's meaning and remedy for people, in both languages."""
    status = status_codes()[code]
    return " ".join(filter(None, (status.meaning_zh, status.remedy_zh, status.meaning_en + ".", status.remedy_en)))


_REPLIES: Final = {each.path: each.reply for each in (*PATHS, *UNSIGNED_PATHS)}


def is_path(path: str) -> bool:
    """Whether the data centre has this path."""
    return path in _REPLIES


def answer_without_result(path: str, code: int, detail: str = "") -> HttpResponse:
    """The answer to a request that no service saw, or that failed in it: every key of the path's reply."""
    return JsonResponse(refused(_REPLIES.get(path, m.Reply), Refused(code, detail)))


@api.exception_handler(ValidationError)
def _incomplete(request: HttpRequest, error: ValidationError) -> HttpResponse:
    """Names the keys at fault, never their values: 1705 where one is missing, 1706 where one cannot be read."""
    keys = [".".join(str(part) for part in fault["loc"] if part != "body") for fault in error.errors]
    missing = any(fault["type"] == "missing" for fault in error.errors)
    return answer_without_result(request.path, 1705 if missing else 1706, ", ".join(filter(None, keys[:5])))


@api.exception_handler(HttpError)
def _no_json(request: HttpRequest, error: HttpError) -> HttpResponse:
    return answer_without_result(request.path, 1704, "the body is not JSON")


for each in (*PATHS, *UNSIGNED_PATHS):
    name = each.path.strip("/").replace("/", "_")
    api.post(each.path, response=each.reply, summary=each.summary, operation_id=name, tags=["datacentre"])(
        _operation(each)
    )
