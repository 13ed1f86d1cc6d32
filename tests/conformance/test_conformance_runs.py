"""Ours passes every case; every case can fail, and a service with a fault fails exactly where the fault is."""

from __future__ import annotations

import base64
import re
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from tests.conformance.our_platform import PIN, Platform
from tests.conformance.stand_ins import PRAISE, AnySigner, Faulty, Reply, always

from nhicard.conformance import running
from nhicard.conformance.answers import Answer
from nhicard.conformance.cases import NEEDS, Case, Kind, all_cases
from nhicard.conformance.insurer_steps import Insurer
from nhicard.conformance.reader_steps import Reader, SimulatedHands
from nhicard.conformance.running import Outcome, Verdict
from nhicard.conformance.signing import CardSigner
from nhicard.formats import rocdate
from nhicard.identity.keyring import KeyRing

#: Everything but the file of 160 MB, which `nhicard conformance --slow` sends.
HAS: Final = frozenset(NEEDS) - {"slow"}


def cases(kind: Kind) -> list[Case]:
    return [case for case in all_cases() if case.kind == kind and "slow" not in case.needs]


def failed(outcomes: list[Outcome]) -> dict[str, str]:
    return {each.case.number: each.seen for each in outcomes if each.verdict is Verdict.FAILED}


def transport(ca: Path) -> httpx.BaseTransport:
    return httpx.HTTPTransport(verify=ssl.create_default_context(cafile=str(ca)))


def insurer(platform: Platform, client: httpx.Client) -> Insurer:
    signers = {name: CardSigner.of(platform.card(name)) for name in ("sam", "other", "revoked")}
    return Insurer(client, signers, rocdate.now, KeyRing.load(platform.keys), pause=0.1)


@pytest.fixture(scope="session")
def passed(platform: Platform) -> Iterator[tuple[Insurer, list[Outcome]]]:
    """Our Web API's run, and what the named files came to."""
    with httpx.Client(base_url=platform.insurer, transport=transport(platform.insurer_ca), timeout=60) as client:
        subject = insurer(platform, client)
        yield subject, running.run(cases("insurer"), subject, HAS)


# ---- ours ----


def test_our_web_api_passes_every_case(passed: tuple[Insurer, list[Outcome]]) -> None:
    _, outcomes = passed
    assert failed(outcomes) == {}
    assert {each.verdict for each in outcomes} == {Verdict.PASSED}


def test_our_control_software_passes_every_case(platform: Platform) -> None:
    with httpx.Client(base_url=platform.reader, transport=transport(platform.reader_ca), timeout=30) as client:
        outcomes = running.run(cases("reader"), Reader(client, SimulatedHands.of(platform.home.folder), PIN), HAS)
    assert failed(outcomes) == {}
    assert {each.verdict for each in outcomes} == {Verdict.PASSED}


# ---- every case can fail ----


class NoHands:
    """Hands that do nothing."""

    def insert(self, card: str) -> None: ...

    def remove(self, card: str) -> None: ...


_RECEIPT: Final = "20260101000000ABCDEF9999999999S99999999999"
_PRAISED: Final = base64.b64encode(PRAISE.encode("big5")).decode()
STAND_INS: Final[dict[str, tuple[Reply | str, int]]] = {
    "says nothing": ({}, 200),
    "is no JSON": ("<html>", 200),
    "is away": ({"rtnCode": "0000", "statusCode": 0}, 503),
    "refuses everything": ({"rtnCode": "9999", "statusCode": 9999}, 200),
    "takes everything": (
        {"rtnCode": "0000", "opCode": _RECEIPT, "tx_result_json": _PRAISED, "statusCode": 0}, 200
    ),
}  # fmt: skip


def outcomes_at(kind: Kind, reply: Reply | str, status: int) -> list[Outcome]:
    client = always(reply, status)
    signers = {name: AnySigner(number) for name, number in (("sam", "S0"), ("other", "S1"), ("revoked", "S2"))}
    subject = (
        Insurer(client, signers, rocdate.now, patience=0, pause=0) if kind == "insurer" else Reader(client, NoHands())
    )
    return running.run(cases(kind), subject, HAS)


@pytest.mark.parametrize("kind", ["insurer", "reader"])
def test_each_case_fails_at_some_service_that_is_wrong_throughout(kind: Kind) -> None:
    caught = {number for reply, status in STAND_INS.values() for number in failed(outcomes_at(kind, reply, status))}
    assert [case.number for case in cases(kind) if case.number not in caught] == []


@pytest.mark.parametrize("kind", ["insurer", "reader"])
@pytest.mark.parametrize("name", ["says nothing", "is no JSON", "is away"])
def test_no_case_passes_where_nothing_sensible_answers(kind: Kind, name: str) -> None:
    outcomes = outcomes_at(kind, *STAND_INS[name])
    assert [each.case.number for each in outcomes if each.verdict is not Verdict.FAILED] == []


def test_a_service_that_cannot_be_reached_fails_every_case() -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("nobody there", request=request)

    client = httpx.Client(base_url="https://stand-in", transport=httpx.MockTransport(refuse))
    signers = dict.fromkeys(("sam", "other", "revoked"), AnySigner())
    outcomes = running.run(cases("insurer"), Insurer(client, signers, rocdate.now, patience=0), HAS)
    assert {each.verdict for each in outcomes} == {Verdict.FAILED}


def test_what_is_not_given_makes_its_cases_not_applicable_and_says_so() -> None:
    client = always({})
    outcomes = running.run(cases("insurer"), Insurer(client, {}, rocdate.now), frozenset())
    assert {each.verdict for each in outcomes} == {Verdict.NOT_APPLICABLE}
    assert all("--sam" in each.seen for each in outcomes)


# ---- a fault fails exactly its cases ----


@dataclass(frozen=True)
class Fault:
    """A fault of a service that is right otherwise, and the cases that must find it."""

    name: str
    fails: str
    answered: Callable[[str, Reply], Reply | None] = field(default=lambda path, reply: reply)
    asked: Callable[[str, Reply], Reply] = field(default=lambda path, body: body)
    in_results: bool = False
    takes_long: bool = False

    @property
    def parameter(self) -> Any:
        return pytest.param(self, id=self.name, marks=pytest.mark.soak if self.takes_long else ())


def of_result(change: Callable[[str], str], encoding: str = "big5") -> Callable[[str, Reply], Reply]:
    """A change of the result's text."""

    def answered(path: str, reply: Reply) -> Reply:
        if not (packed := reply.get("tx_result_json")):
            return reply
        text = change(base64.b64decode(packed).decode("big5"))
        return reply | {"tx_result_json": base64.b64encode(text.encode(encoding)).decode()}

    return answered


def of_value(key: str, change: Callable[[Any], Any]) -> Callable[[str, Reply], Reply]:
    """A change of one value, where it is there."""
    return lambda path, reply: reply | {key: change(reply[key])} if reply.get(key) else reply


_KEYS: Final = {"sSamid", "sHospid", "sClientrandom", "sSignature", "sType", "sMrecs", "sPrecs", "sPatData", "sOpcode"}


def _without_spellings(path: str, body: Reply) -> Reply:
    return {key: value for key, value in body.items() if key in _KEYS}


def _takes_any_signature(path: str, reply: Reply) -> Reply:
    return reply | {"rtnCode": "0000", "opCode": _RECEIPT} if reply.get("rtnCode") == "9002" else reply


def _fails_on_garbage(path: str, reply: Reply) -> Reply | None:
    return None if reply.get("rtnCode") == "9999" else reply


def _orders_from_nought(text: str) -> str:
    return re.sub(r"\[(\d+)\]:", lambda match: f"[{int(match[1]) - 1}]:", text)


def _shorter_lines(text: str) -> str:
    return text.replace("=" * 75, "=" * 70)


def _sizes_of_one(text: str) -> str:
    return re.sub(r"檔案大小\[\d+\]", "檔案大小[1]", text)


WEB_FAULTS: Final = [
    Fault("keys in one spelling only", "W202 W203 W204 W205 W210 W211", asked=_without_spellings),
    Fault(
        "receipts without the institution",
        "W404 W501",
        of_value("opCode", lambda receipt: receipt[:20] + "X" * 10 + receipt[30:]),
        takes_long=True,
    ),
    Fault(
        "any signature is taken",
        "W301 W302 W303 W304 W305 W306 W307 W308 W309 W310 W313 W314 W318 W319 W320",
        _takes_any_signature,
        takes_long=True,
    ),
    Fault(
        "HTTP 500 for what cannot be understood",
        "W108 W109 W110 W115 W116 W505 W506 W507 W509 W604 W605 W607",
        _fails_on_garbage,
        takes_long=True,
    ),
    Fault("results in UTF-8", "W701", of_result(lambda text: text, "utf-8"), in_results=True),
    Fault("order numbers from nought", "W717 W718 W719", of_result(_orders_from_nought), in_results=True),
    Fault("lines of 70 equals signs", "W710", of_result(_shorter_lines), in_results=True),
    Fault("file sizes in kilobytes", "W705", of_result(_sizes_of_one), in_results=True),
    Fault("never says D055", "D055", of_result(lambda text: re.sub(r"[A-Z]\d\d:D055;", "", text)), in_results=True),
]  # fmt: skip


@pytest.mark.parametrize("fault", [each.parameter for each in WEB_FAULTS])
def test_a_fault_of_the_web_api_fails_exactly_its_cases(
    fault: Fault, platform: Platform, passed: tuple[Insurer, list[Outcome]]
) -> None:
    """The results of the good run are lent to it, with the fault in them, so that no file is waited for again."""
    good, _ = passed
    faulty = Faulty(transport(platform.insurer_ca), fault.answered, fault.asked)
    by_code = {case.sources[0].removeprefix("list20 "): case.number for case in all_cases() if case.number[0] == "F"}
    expected = {by_code.get(name, name) for name in fault.fails.split()}
    with httpx.Client(base_url=platform.insurer, transport=faulty, timeout=60) as client:
        subject = insurer(platform, client)
        for name, (answer, told) in good.results.items():
            body = fault.answered("/V2000/VNHI_Download", dict(answer.body)) or {}
            subject.results[name] = (Answer(200, "application/json", "", body), told)
        found = failed(running.run(_reached(fault), subject, HAS))
    assert set(found) == expected, found


def _reached(fault: Fault) -> list[Case]:
    """All cases; of a fault in results, only those that read a result and ask for nothing else."""
    if not fault.in_results:
        return cases("insurer")
    return [case for case in cases("insurer") if all("wait" in step for step in case.steps)]


def _without_keys(path: str, reply: Reply) -> Reply:
    return {"statusCode": reply["statusCode"]} if reply["statusCode"] else reply


READER_FAULTS: Final = [
    Fault("initialises twice", "R105", of_value("statusCode", lambda code: 0 if code == 1001 else code)),
    Fault("keys only in success", "R213 R325", _without_keys),
    Fault("no patient in the block", "R305 R307", of_value("hcId", lambda _: "")),
]


@pytest.mark.parametrize("fault", READER_FAULTS, ids=lambda fault: fault.name)
def test_a_fault_of_the_reader_api_fails_exactly_its_cases(fault: Fault, platform: Platform) -> None:
    faulty = Faulty(transport(platform.reader_ca), fault.answered)
    with httpx.Client(base_url=platform.reader, transport=faulty, timeout=30) as client:
        outcomes = running.run(cases("reader"), Reader(client, SimulatedHands.of(platform.home.folder), PIN), HAS)
    assert set(failed(outcomes)) == set(fault.fails.split()), failed(outcomes)
