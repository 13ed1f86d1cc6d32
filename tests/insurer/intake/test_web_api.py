"""The Web API as today's clients use it: upload, poll, read the result."""

from __future__ import annotations

import base64
import json
import re
from datetime import timedelta
from typing import Any

import pytest
from tests.insurer.desk import CLINIC, NOW, Desk
from tests.insurer.intake.clients import CLIENTS, CSHARP, PYTHON, VISIT20, PublicClient, a_file, text_of, worker

from nhicard.insurer.intake.models import Finding, Payload, State, Submission, Visit
from nhicard.insurer.intake.services import receiving, retention
from nhicard.insurer.registry.models import Institution, SecurityModule

FILE = a_file(VISIT20)


@pytest.mark.parametrize("public", CLIENTS, ids=lambda public: public.name)
def test_each_public_client_uploads_polls_and_reads(desk: Desk, public: PublicClient) -> None:
    sent = public.send(desk, FILE)
    assert set(sent) == {public.code, public.receipt}
    assert sent[public.code] == "0000"
    receipt = sent[public.receipt]
    assert (receipt[:14], receipt[20:30], receipt[30:42]) == (f"{NOW:%Y%m%d%H%M%S}", CLINIC, desk.sam.number)

    assert public.fetch(desk, receipt) == {public.code: "5002"}
    assert worker().once() == 1
    reply = public.fetch(desk, receipt)
    assert reply[public.code] == "0000"
    assert "第[1]筆" in text_of(reply)


def test_the_result_text_has_the_twelve_brackets_and_the_codes(desk: Desk) -> None:
    receipt = CSHARP.send(desk, a_file(VISIT20, VISIT20 | {"M03": "A123456788"}))["opCode"]
    worker().once()
    text = text_of(CSHARP.fetch(desk, receipt))
    head, *records = re.split(r"^={60,}$", text, flags=re.MULTILINE)
    brackets = re.findall(r"\[(.*?)\]", head)
    assert "檢核結果" in head
    assert len(brackets) == 12
    assert brackets[3] == f"{NOW:%Y%m%d%H%M%S}"
    assert [int(brackets[place]) for place in (5, 9, 11)] == [2, 0, 2]
    assert int(brackets[4]) == Submission.objects.get().size
    second = records[1]
    assert re.search(r"第\[(\d+)\]筆", second).group(1) == "2"  # type: ignore[union-attr]
    assert "M03=[A123456788]" in second
    codes = second.partition("錯誤原因:")[2].split()[0].rstrip(";").split(";")
    assert all(re.fullmatch(r"[A-Z0-9]{3}(\[\d+\])?:[A-Z0-9]{2,4}", code) for code in codes)


def test_the_result_comes_as_utf8_or_findings_when_asked(desk: Desk) -> None:
    receipt = CSHARP.send(desk, FILE)["opCode"]
    worker().once()
    utf8 = text_of(CSHARP.fetch(desk, receipt, **{"accept-charset": "utf-8"}), "utf-8")
    assert utf8 == text_of(CSHARP.fetch(desk, receipt))
    reply = CSHARP.fetch(desk, receipt, accept="application/vnd.nhicard.findings+json")
    findings = json.loads(base64.b64decode(reply["tx_result_json"]))
    assert findings["records"] == 1
    assert findings["rejected"] == 1
    assert {"record", "field", "code", "severity", "text_zh", "text_en"} <= set(findings["findings"][0])


def test_the_same_upload_is_one_upload(desk: Desk) -> None:
    first = CSHARP.send(desk, FILE)
    desk.later(minutes=5)
    assert CSHARP.send(desk, FILE) == first
    worker().once()
    assert CSHARP.send(desk, FILE) == first
    assert Submission.objects.count() == Payload.objects.count() == 1
    assert CSHARP.send(desk, FILE, kind="A1")["opCode"] != first["opCode"]


def test_a_retried_request_is_answered_the_same(desk: Desk) -> None:
    body = CSHARP.body(desk, FILE, "A2")
    assert CSHARP.post(desk, "VNHI_Upload", body) == CSHARP.post(desk, "VNHI_Upload", body)


def test_a_signature_cannot_carry_another_upload(desk: Desk) -> None:
    body = CSHARP.body(desk, FILE, "A2")
    CSHARP.post(desk, "VNHI_Upload", body)
    other = base64.b64encode(a_file(VISIT20, VISIT20)).decode()
    assert CSHARP.post(desk, "VNHI_Upload", body | {"sPatData": other})["rtnCode"] == "9002"
    assert CSHARP.post(desk, "VNHI_Upload", body | {"sType": "A1"})["rtnCode"] == "9002"
    assert Submission.objects.count() == 1


def test_what_is_acknowledged_is_kept_byte_for_byte(desk: Desk) -> None:
    CSHARP.send(desk, FILE)
    assert receiving.content_of(Submission.objects.get()) == FILE.decode("big5").encode()


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"sType": "A3"}, "5003"),
        ({"sType": ""}, "5003"),
        ({"sSignature": "forged"}, "9002"),
        ({"sClientrandom": "0" * 32}, "9002"),
        ({"sSamid": "S00000000000"}, "9002"),
        ({"sHospid": "3501200001"}, "9002"),
        ({"sPatData": "not base64!"}, "9999"),
        ({"sPatData": ""}, "9999"),
    ],
    ids=str,
)
def test_a_faulty_upload_is_refused_with_its_code(desk: Desk, change: dict[str, str], code: str) -> None:
    assert CSHARP.post(desk, "VNHI_Upload", CSHARP.body(desk, FILE, "A2") | change)["rtnCode"] == code
    assert not Submission.objects.exists()


def test_a_signature_is_good_for_one_hour(desk: Desk) -> None:
    body = CSHARP.body(desk, FILE, "A2")
    desk.later(hours=1, seconds=1)
    assert CSHARP.post(desk, "VNHI_Upload", body)["rtnCode"] == "8203"
    assert CSHARP.send(desk, FILE)["rtnCode"] == "0000"


def test_a_revoked_sam_and_an_ended_contract_are_refused(desk: Desk) -> None:
    contract = Institution.objects.get(code=CLINIC).contracts.get()
    contract.valid_until = (NOW - timedelta(days=121)).date()
    contract.save()
    assert CSHARP.send(desk, FILE)["rtnCode"] == "9005"
    contract.valid_until = (NOW - timedelta(days=120)).date()
    contract.save()
    assert CSHARP.send(desk, FILE)["rtnCode"] == "0000"
    for sam in SecurityModule.objects.all():
        sam.revoked_at = NOW
        sam.save()
    assert CSHARP.send(desk, FILE)["rtnCode"] == "8205"


def test_a_result_is_for_the_sam_that_uploaded(desk: Desk) -> None:
    receipt = CSHARP.send(desk, FILE)["opCode"]
    worker().once()
    same_clinic = desk.with_cards(sam=desk.issue("SAM", hospitalId=CLINIC))
    assert CSHARP.fetch(same_clinic, receipt)["rtnCode"] == "5004"
    assert CSHARP.fetch(desk.elsewhere(), receipt)["rtnCode"] == "9999"
    assert CSHARP.fetch(desk, "20260302" + "X" * 34)["rtnCode"] == "9999"


def test_a_connection_test_keeps_nothing(desk: Desk) -> None:
    assert CSHARP.send(desk, FILE, kind="ZZ") == {"rtnCode": "0000", "opCode": ""}
    assert PYTHON.send(desk, FILE, kind="ZZ") == {"RtnCode": "0000", "Opcode": ""}
    assert not Submission.objects.exists()


@pytest.mark.parametrize("body", ["", "{", "[]", "null", "[" * 5000, '"text"'], ids=repr)
def test_what_is_no_request_gets_a_clear_answer(desk: Desk, body: str) -> None:
    reply = CSHARP.post(desk, "VNHI_Upload", body)
    assert reply["rtnCode"] == "9999"
    assert "JSON" in reply["message"]


def test_a_file_of_the_other_edition_is_a_finding_of_the_file(desk: Desk) -> None:
    receipt = CSHARP.send(desk, a_file({"A00": "1", "A01": "1"}, edition="1.0"))["opCode"]
    worker().once()
    assert "Y002" in text_of(CSHARP.fetch(desk, receipt))
    submission = Submission.objects.get()
    assert (submission.state, submission.accepted) == (State.CHECKED, 0)


def test_no_xml_at_all_is_a_finding_too(desk: Desk) -> None:
    receipt = CSHARP.post(desk, "VNHI_Upload", CSHARP.body(desk, b"hello", "A2"))["opCode"]
    worker().once()
    assert "Y002" in text_of(CSHARP.fetch(desk, receipt))
    assert not Visit.objects.exists()


@pytest.mark.parametrize(("kind", "days"), [("A1", 3), ("A2", 3), ("B1", 3), ("B2", 3)])
def test_web_results_are_kept_three_days(desk: Desk, kind: str, days: int) -> None:
    receipt = CSHARP.send(desk, FILE, kind)["opCode"]
    worker().once()
    desk.later(days=days)
    assert CSHARP.fetch(desk, receipt, kind)["rtnCode"] == "0000"
    desk.later(seconds=1)
    gone = CSHARP.fetch(desk, receipt, kind)
    assert gone["rtnCode"] == "9999"
    assert '"records"' in gone["message"]
    assert Finding.objects.exists()
    assert retention.forget_old_results(desk.now) == 1
    assert not Finding.objects.exists()
    assert Submission.objects.get().records is not None


def test_by_vpn_the_reply_echoes_what_came_and_the_result_is_a_zip(desk: Desk) -> None:
    import io
    import zipfile

    vpn = PublicClient("VPN", {}, False, False, "rtnCode", "opCode", path="/vpn/v1")

    def call(service: str, body: dict[str, Any]) -> dict[str, Any]:
        return vpn.post(desk, service, body)

    sent = call("Upload", vpn.body(desk, FILE, "A2"))
    assert sent["hospitalId"] == CLINIC
    assert (sent["kind"], sent["size"], sent["receivedAt"]) == ("2.0 預檢", len(FILE), f"{NOW:%Y%m%d%H%M%S}")
    worker().once()
    body = vpn.body(desk, b"", "A2") | {"sOpcode": sent["opCode"]}
    got = call("Download", body)
    with zipfile.ZipFile(io.BytesIO(base64.b64decode(got["content"]))) as archive:
        (member,) = archive.namelist()
        assert "第[1]筆" in archive.read(member).decode("big5")
    assert (got["records"], got["accepted"], got["rejected"]) == (1, 0, 1)
    desk.later(days=2, seconds=1)
    assert call("Download", vpn.body(desk, b"", "A2") | {"sOpcode": sent["opCode"]})["rtnCode"] == "9999"
