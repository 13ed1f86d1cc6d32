"""The edges of the upload services: limits, the proxy, the OpenAPI document, and what no document foresees."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

import pytest
import schemathesis
from django.db import connection
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.schemas import OpenApiSchema
from tests.insurer.desk import Desk
from tests.insurer.intake.clients import CSHARP, VISIT20, PublicClient, a_file

from nhicard.insurer.intake import api, limits
from nhicard.insurer.intake.models import Submission
from nhicard.insurer.intake.return_codes import MEANINGS
from nhicard.insurer.wsgi import application

DOCUMENT = "/intake/openapi.json"
FILE = a_file(VISIT20)
VPN = PublicClient("VPN", {}, False, False, "rtnCode", "opCode", path="/vpn/v1")
UPLOAD = "/V2000/VNHI_Upload"
PATHS = {"/V1000/VNHI_Upload", UPLOAD, "/V1000/VNHI_Download", "/V2000/VNHI_Download", "/vpn/v1/Upload",
         "/vpn/v1/Download"}  # fmt: skip
TRACEBACK = re.compile(r"Traceback|File \\?\"|\.py\b|Error:|Exception|a fault of the service")
examples = settings(
    max_examples=10, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck)
)
every_path = pytest.mark.parametrize("path", sorted(PATHS))


def _refused(reply: dict[str, Any], said: str) -> None:
    assert (reply["rtnCode"], said in reply["message"]) == ("9999", True), reply
    assert "opCode" not in reply


# --- limits -------------------------------------------------------------------------------------------------


def test_a_sam_may_upload_so_often_a_minute(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = [1000.0]
    monkeypatch.setattr("nhicard.insurer.intake.limits.time.monotonic", lambda: seconds[0])
    monkeypatch.setattr(api, "rate", limits.Rate(most=2))
    other = desk.next_door()
    forged = CSHARP.body(desk, FILE, "A2") | {"sClientrandom": "0" * 32}
    for _ in range(5):  # nobody uses up another's uploads without the other's key
        assert CSHARP.post(desk, "VNHI_Upload", forged)["rtnCode"] == "9002"
    receipt = CSHARP.send(desk, FILE)["opCode"]
    assert CSHARP.send(desk, FILE)["opCode"] == receipt
    _refused(CSHARP.send(desk, FILE), "每分鐘最多 2 次，請稍後再傳 too many uploads a minute; wait a little")
    assert CSHARP.send(desk, FILE, "ZZ")["rtnCode"] == "0000"
    assert CSHARP.fetch(desk, receipt)["rtnCode"] == "5002"
    assert CSHARP.send(other, FILE)["rtnCode"] == "0000"
    seconds[0] += 60.5
    assert CSHARP.send(desk, FILE)["opCode"] == receipt


@pytest.mark.parametrize("public", [CSHARP, VPN], ids=lambda public: public.name)
def test_a_body_over_the_limit_is_refused_before_it_is_read(desk: Desk, settings: Any, public: PublicClient) -> None:
    service = "Upload" if public is VPN else "VNHI_Upload"
    body = json.dumps(public.body(desk, FILE, "A2"))
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = len(body) - 1
    _refused(public.post(desk, service, body), "請分檔上傳 the upload is too large; split it")
    assert not Submission.objects.exists()
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = len(body)
    assert public.post(desk, service, body)["rtnCode"] == "0000"


def test_a_file_over_the_limit_is_refused(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    size = len(FILE.decode("big5").encode())  # as the client sends it
    monkeypatch.setattr(limits, "LARGEST_UPLOAD", size - 1)
    _refused(CSHARP.send(desk, FILE), f"檔案超過 {size - 1:,} 位元組")
    monkeypatch.setattr(limits, "LARGEST_UPLOAD", size)
    assert CSHARP.send(desk, FILE)["rtnCode"] == "0000"


@pytest.mark.parametrize("record", [b"<REC>", b"<REC></REC>", b"<REC\n></REC>"], ids=repr)
def test_too_many_records_are_refused(desk: Desk, monkeypatch: pytest.MonkeyPatch, record: bytes) -> None:
    monkeypatch.setattr(limits, "MOST_RECORDS", 50)
    _refused(CSHARP.send(desk, record * 51), "超過 50 筆，請分檔上傳")
    assert CSHARP.send(desk, record * 50 + b"<RECS>")["rtnCode"] == "0000"


# --- where an upload comes from -----------------------------------------------------------------------------

PROXY, SENDER = "127.0.0.1", "203.0.113.7"


@pytest.mark.parametrize(
    ("proxy", "forwarded", "kept"),
    [
        ("", SENDER, PROXY),
        ("192.0.2.1", SENDER, PROXY),
        (PROXY, SENDER, SENDER),
        (PROXY, f"198.51.100.9, {SENDER}", SENDER),  # what the sender claims stands before what the proxy saw
        (PROXY, "2001:DB8::1", "2001:db8::1"),
        (PROXY, "fe80::1%eth0", "fe80::1"),
        (PROXY, f"{SENDER}, unknown", None),
        (PROXY, "", None),
        (PROXY, "9" * 5_000, None),
    ],
)
def test_the_forwarded_address_is_believed_from_the_proxy_only(
    desk: Desk, settings: Any, proxy: str, forwarded: str, kept: str | None
) -> None:
    settings.PROXY = proxy
    body = CSHARP.body(desk, FILE, "A2")
    assert CSHARP.post(desk, "VNHI_Upload", body, **{"x-forwarded-for": forwarded})["rtnCode"] == "0000"
    assert Submission.objects.get().sender_address == kept


# --- the document -------------------------------------------------------------------------------------------


@cache
def document() -> OpenApiSchema:
    """The published document, its operations ready to be called without a network."""
    return schemathesis.openapi.from_wsgi(DOCUMENT, application)


def test_the_document_describes_every_path(client: Client) -> None:
    described = client.get(DOCUMENT).json()["paths"]
    assert {path: list(methods) for path, methods in described.items()} == {path: ["post"] for path in PATHS}


@every_path
@pytest.mark.parametrize("genuine", [False, True], ids=["unsigned", "signed"])
@pytest.mark.skipif(
    connection.vendor != "sqlite",
    reason="real WSGI calls close the connection that the test's transaction lives on; run on SQLite",
)
@examples
@given(data=st.data())
def test_requests_by_the_document_get_a_return_code(desk: Desk, path: str, genuine: bool, data: st.DataObject) -> None:
    mode = GenerationMode.POSITIVE if genuine else data.draw(st.sampled_from(GenerationMode))
    case = data.draw(document()[path]["POST"].as_strategy(generation_mode=mode))
    if genuine:
        kind = data.draw(st.sampled_from(["A1", "A2", "B1", "B2", "ZZ"]))
        block = CSHARP.body(desk, FILE, kind)
        drawn = case.body if isinstance(case.body, dict) else {}  # the document lets the body be left out
        case.body = {**drawn, **block}
        case.media_type = "application/json"
    reply = _clear(case.call_and_validate(checks=[not_a_server_error]).text)
    if genuine:
        assert reply["rtnCode"] not in ("8201", "9002")


def _clear(text: str) -> dict[str, Any]:
    reply: dict[str, Any] = json.loads(text)
    assert reply.get("rtnCode", reply.get("RtnCode")) in MEANINGS
    assert TRACEBACK.search(reply.get("message", "")) is None, reply
    return reply


# --- what no document foresees ------------------------------------------------------------------------------


@every_path
@pytest.mark.parametrize("method", ["get", "put", "delete", "patch", "options"])
def test_another_method_is_refused(client: Client, db: None, path: str, method: str) -> None:
    response = getattr(client, method)(path)
    assert (response.status_code, TRACEBACK.search(response.content.decode())) == (405, None)


@pytest.mark.parametrize("path", ["/V2000/", "/V3000/VNHI_Upload", "/V2000/VNHI_Upload/", "/vpn/v1/%00", "/vpn/..%2f"])
def test_an_unknown_path_is_not_found(client: Client, db: None, path: str) -> None:
    response = client.post(path, "{}", content_type="application/json")
    assert (response.status_code, TRACEBACK.search(response.content.decode())) == (404, None)


HOPELESS = [b"", b"sType=A1", b'{"sType": "A1"', b'{"sType": "\xb4\xfa"}', b"[" * 100_000, b"null", b"[]", b'"A1"',
            b'{"sType": ' + b"9" * 5_000 + b"}"]  # fmt: skip


@every_path
@pytest.mark.parametrize("content", HOPELESS, ids=lambda content: repr(content[:20]))
def test_a_body_that_is_no_request_is_told_so(client: Client, db: None, path: str, content: bytes) -> None:
    response = client.post(path, content, content_type="application/json")
    assert response.status_code == 200
    _refused(_clear(response.content.decode()), "JSON")


ODD: list[Any] = ["\x00", "A1\x00", "\ud800", "\udfff\ud800", "\x1f", "碁" * 300, "x" * 9_000, "'; DROP TABLE",
       "\u202e", None, True, 0, -1, 2**63, 10**400, 1e308, float("inf"), float("nan"), [], {}, [{}]]  # fmt: skip
KEYS = ("sSamid", "sHospid", "sClientrandom", "sSignature", "sType", "sMrecs", "sPrecs", "sPatData", "sUploadDT")
UNREAD = {"sMrecs", "sPrecs", "sUploadDT"}


@pytest.mark.parametrize("key", [*KEYS, "sOpcode"])
def test_odd_values_are_refused_and_keep_nothing(desk: Desk, key: str) -> None:
    service = "VNHI_Download" if key == "sOpcode" else "VNHI_Upload"
    for value in ODD:
        reply = _clear(json.dumps(CSHARP.post(desk, service, CSHARP.body(desk, FILE, "A2") | {key: value})))
        accepted = reply["rtnCode"] == "0000"
        assert reply["rtnCode"] != "8201", (value, "the fault is the sender's")
        # digits and letters are base64 of something: then it is kept, and found to be no XML by the check
        assert accepted == (key in UNREAD) or key == "sPatData", (value, reply)
        if value in ODD[:6] and key not in UNREAD:
            assert not accepted, value


def test_a_key_that_nobody_reads_may_say_anything(desk: Desk) -> None:
    extra = {"sHospName": "測試診所", "備註": "\x00\ud800"}
    assert CSHARP.post(desk, "VNHI_Upload", CSHARP.body(desk, FILE, "A2") | extra)["rtnCode"] == "0000"
