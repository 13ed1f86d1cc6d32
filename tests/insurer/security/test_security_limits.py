"""How many requests one SAM and one address may make a minute, and what they are told."""

from __future__ import annotations

import json
from typing import Final

import pytest
from tests.insurer.desk import Desk
from tests.insurer.intake.clients import CSHARP, VISIT20, a_file

from nhicard.insurer.intake import api, limits
from nhicard.insurer.intake.models import Submission
from nhicard.insurer.intake.return_codes import Returned

FILE: Final = a_file(VISIT20)
PATHS: Final = sorted(path for path, *_ in api._PATHS)


def ask(desk: Desk, path: str, address: str, **headers: str) -> dict[str, str]:
    body = json.dumps(CSHARP.body(desk, FILE, "A2"))
    answer = desk.client.post(path, body, content_type="application/json", REMOTE_ADDR=address, headers=headers)
    assert answer.status_code == 200
    told: dict[str, str] = answer.json()
    return told


def is_asked_to_wait(told: dict[str, str]) -> bool:
    return told["rtnCode"] == "9999" and "請稍後再" in told["message"] and "wait a little" in told["message"]


@pytest.mark.parametrize("path", PATHS)
def test_one_address_is_asked_to_wait_and_others_are_served(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.setattr(api, "rate_of_addresses", limits.Rate(2))
    answers = [is_asked_to_wait(ask(desk, path, "203.0.113.7")) for _ in range(3)]
    assert answers == [False, False, True]
    assert not is_asked_to_wait(ask(desk, path, "203.0.113.8"))
    assert not is_asked_to_wait(ask(desk, path, "2001:db8::7"))


def test_requests_that_prove_nothing_are_counted_too(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "rate_of_addresses", limits.Rate(2))
    for _ in range(2):
        answer = desk.client.post("/V2000/VNHI_Upload", b"{", content_type="x/y", REMOTE_ADDR="203.0.113.7")
        assert not is_asked_to_wait({"message": "", **answer.json()})
    assert is_asked_to_wait(ask(desk, "/V2000/VNHI_Upload", "203.0.113.7"))
    assert not Submission.objects.exists()


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.8.8", "::1"])
def test_this_machine_itself_is_not_counted(desk: Desk, monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setattr(api, "rate_of_addresses", limits.Rate(0))
    assert ask(desk, "/V2000/VNHI_Upload", address)["rtnCode"] == "0000"


def test_behind_the_proxy_the_address_is_the_senders_and_nobody_else_can_claim_one(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, settings: object
) -> None:
    monkeypatch.setattr(api, "rate_of_addresses", limits.Rate(1))
    settings.PROXY = "192.0.2.1"  # type: ignore[attr-defined]
    upload = "/V2000/VNHI_Upload"
    for forwarded in ("203.0.113.7", "203.0.113.8", "6.6.6.6, 203.0.113.9"):
        assert not is_asked_to_wait(ask(desk, upload, "192.0.2.1", **{"x-forwarded-for": forwarded}))
    assert is_asked_to_wait(ask(desk, upload, "192.0.2.1", **{"x-forwarded-for": "203.0.113.9"}))
    assert not is_asked_to_wait(ask(desk, upload, "203.0.113.10", **{"x-forwarded-for": "127.0.0.1"}))
    assert is_asked_to_wait(ask(desk, upload, "203.0.113.10", **{"x-forwarded-for": "127.0.0.1"}))


def test_one_sam_is_asked_to_wait_wherever_it_sends_from(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "rate", limits.Rate(2))
    answers = [is_asked_to_wait(ask(desk, "/V2000/VNHI_Upload", f"203.0.113.{number}")) for number in range(3)]
    assert answers == [False, False, True]


def test_senders_that_came_once_do_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    moment = 1000.0
    monkeypatch.setattr("nhicard.insurer.intake.limits.time.monotonic", lambda: moment)
    rate = limits.Rate(1)
    for number in range(500):
        rate.require(f"203.0.113.{number}")
    assert len(rate._times) == 500
    with pytest.raises(Returned):
        rate.require("203.0.113.1")
    moment = 1061.0
    rate.require("203.0.113.1")
    assert len(rate._times) == 1
