"""The insurer over the wire: what every answer means, right, wrong or none."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from tests.institution.agent.world import NOW

from nhicard.institution.insurer import Answer, Insurer, NotReady, Refused, Unreachable

BLOCK = {"samId": "S00000000001", "hospitalId": "3501200000", "clientRandom": "ab", "signature": "c2ln"}


def insurer(answer: Callable[[httpx.Request], httpx.Response]) -> Insurer:
    return Insurer("https://insurer.example", lambda: BLOCK, transport=httpx.MockTransport(answer))


def replies(told: Any, status: int = 200) -> Callable[[httpx.Request], httpx.Response]:
    return lambda _: httpx.Response(status, json=told)


@pytest.mark.parametrize(
    "told",
    [
        {"rtnCode": "0000", "opCode": "R" * 42},
        {"RtnCode": "0000", "Opcode": "R" * 42},
        {"rtnCode": 0, "opCode": "R" * 42},
    ],
)
def test_a_receipt_in_every_spelling(told: dict[str, Any]) -> None:
    assert insurer(replies(told)).upload(b"<RECS/>", "A2", "web") == "R" * 42


def test_what_is_sent_is_what_public_clients_send() -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json={"rtnCode": "0000", "opCode": "R" * 42})

    insurer(answer).upload("中".encode("big5"), "A2", "web", NOW)
    insurer(answer).upload(b"x", "B1", "vpn", NOW)
    assert [request.url.path for request in seen] == ["/V2000/VNHI_Upload", "/vpn/v1/Upload"]
    assert json.loads(seen[0].content) == {
        "sSamid": "S00000000001",
        "sHospid": "3501200000",
        "sClientrandom": "ab",
        "sSignature": "c2ln",
        "sType": "A2",
        "sPatData": base64.b64encode("中".encode("big5")).decode(),
        "sUploadDT": "20261120120000000",
    }


def no_connection(_: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("no route")


def too_slow(_: httpx.Request) -> httpx.Response:
    raise httpx.ReadTimeout("slow")


@pytest.mark.parametrize(
    "answer",
    [
        no_connection,
        too_slow,
        replies({"rtnCode": "0000", "opCode": "R" * 42}, status=500),
        replies({"rtnCode": "0000", "opCode": "R" * 42}, status=302),
        replies(["0000"]),
        replies({}),
        replies({"rtnCode": "0000"}),
        replies({"rtnCode": "0000", "opCode": ""}),
        replies({"rtnCode": "0000", "opCode": "R" * 1000}),
        replies({"rtnCode": "0000", "opCode": ["R"]}),
        lambda _: httpx.Response(200, text="<html>Bad Gateway</html>"),
        lambda _: httpx.Response(200, content=b""),
    ],
)
def test_what_is_no_receipt_means_that_nobody_knows(answer: Callable[[httpx.Request], httpx.Response]) -> None:
    with pytest.raises(Unreachable):
        insurer(answer).upload(b"x", "A2", "web")


@pytest.mark.parametrize("code", ["5003", "8203", "9005", "9999"])
def test_a_refusal_has_its_code(code: str) -> None:
    with pytest.raises(Refused, match=code) as refused:
        insurer(replies({"rtnCode": code, "message": "why"})).upload(b"x", "A2", "web")
    assert (refused.value.code, str(refused.value)) == (code, f"{code} why")


def test_a_result_that_is_not_there_yet() -> None:
    with pytest.raises(NotReady):
        insurer(replies({"rtnCode": "5002"})).result("R", "A2", "web")


def test_results_of_both_ways() -> None:
    packed = base64.b64encode("結果".encode("big5")).decode()
    assert insurer(replies({"rtnCode": "0000", "tx_result_json": packed})).result("R", "A2", "web") == Answer(
        "結果".encode("big5"), {}
    )
    told = {"rtnCode": "0000", "fileName": "", "content": "", "records": 3, "accepted": 3, "rejected": 0}
    assert insurer(replies(told)).result("R", "B1", "vpn") == Answer(b"", {"records": 3, "accepted": 3, "rejected": 0})


@pytest.mark.parametrize("told", [{"rtnCode": "0000"}, {"rtnCode": "0000", "tx_result_json": "no base64!"}])
def test_what_is_no_result_changes_nothing(told: dict[str, Any]) -> None:
    with pytest.raises(Unreachable):
        insurer(replies(told)).result("R", "A2", "web")


def test_nothing_personal_or_secret_is_in_an_error() -> None:
    with pytest.raises(Unreachable) as error:
        insurer(no_connection).upload(b"A123456789", "A2", "web")
    assert str(error.value) == "ConnectError"
