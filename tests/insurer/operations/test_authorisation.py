"""Every URL of the insurer is either open by decision or refuses whoever cannot prove who asks."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final, get_origin

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from tests.insurer.desk import OTHER_CLINIC, Card, Desk

from nhicard.identity.signature_block import Block
from nhicard.insurer.datacentre.api import PATHS, UNSIGNED_PATHS, Path
from nhicard.insurer.datacentre.authentication import Signers
from nhicard.insurer.intake.models import Submission

#: For machines that watch, and for developers: they tell nothing of a person.
OPEN: Final = {"/health", "/ready", "/metrics", "/datacentre/openapi.json", "/intake/openapi.json"}
#: Published for everybody; the page itself ends in a slash.
OPEN_DATA: Final = {
    f"/opendata/{path}" for path in ("latest/<str:name>", "days/<str:day>/<str:name>", "api/records", "api/days")
} | {"/hours/fixed-hours.csv"}
#: Electronic prescriptions: what tokens are for (tests/insurer/eprescriptions), and what tells of the server alone.
OPEN_FHIR: Final = {"/fhir/metadata", "/.well-known/oauth-authorization-server"}
FHIR: Final = {f"/fhir/Bundle{path}" for path in ("", "/_search", "/$dispense", "/$cancel", "/<uuid:key>")}
OAUTH: Final = {"/oauth/token", "/oauth/revoke"}
#: What a reader signs.
DATA_CENTRE: Final = {each.path: each for each in PATHS}
#: What a phone signs, and what exists only on a service for tests.
OTHERWISE_PROVEN: Final = {each.path for each in UNSIGNED_PATHS}
INTAKE: Final = {
    f"{folder}{prefix}{service}"
    for folder, prefix in (("/V1000/", "VNHI_"), ("/V2000/", "VNHI_"), ("/vpn/v1/", ""))
    for service in ("Upload", "Download")
}
_SIGNERS: Final = {Signers.SAM: "SAM", Signers.HC: "SAM HC", Signers.HPC_HC: "SAM HC HPC", Signers.HPC: "HPC"}
#: 3100 the signature, 1011 the SAM is another institution's, 13xx SAM, 14xx staff card, 1102 patient card
_NOT_PROVEN: Final = {3100, 1011, *range(1300, 1305), *range(1400, 1425), 1102}

Made = Callable[[Desk, str, str], dict[str, str]]


def _forged(desk: Desk, signers: str, service: str) -> dict[str, str]:
    block = desk.block(signers, service)
    content = bytearray(base64.b64decode(block["signature"]))
    content[-1] ^= 1
    return block | {"signature": base64.b64encode(content).decode()}


def _by_an_unknown_key(desk: Desk, signers: str, service: str) -> dict[str, str]:
    cards = {name: Card(card.number, card.id_no) for name in ("sam", "hc", "hpc") if (card := getattr(desk, name))}
    return desk.with_cards(**cards).block(signers, service)


BAD: Final[dict[str, Made]] = {
    "no signature": lambda desk, signers, service: desk.block(signers, service) | {"signature": ""},
    "no signature at all": lambda desk, signers, service: desk.block(signers, service) | {"signature": "AAAA"},
    "forged": _forged,
    "by an unknown key": _by_an_unknown_key,
    "for another service": lambda desk, signers, service: desk.block(signers, "98"),
    "a day old": lambda desk, signers, service: desk.block(signers, service, at=desk.now - timedelta(days=1)),
    "from the future": lambda desk, signers, service: desk.block(signers, service, at=desk.now + timedelta(hours=1)),
    "for another institution": lambda desk, signers, service: replace(desk, hospital=OTHER_CLINIC).block(
        signers, service
    ),
    "moved to other facts": lambda desk, signers, service: desk.block(signers, service) | {"clientRandom": "0" * 32},
}


def _urls(resolver: URLResolver, before: str = "/") -> Iterator[str]:
    for each in resolver.url_patterns:
        if isinstance(each, URLPattern):
            yield before + str(each.pattern)
        else:
            yield from _urls(each, before + str(each.pattern))


def test_every_url_is_in_one_of_the_groups() -> None:
    known = OPEN | OPEN_DATA | set(DATA_CENTRE) | OTHERWISE_PROVEN | INTAKE | OPEN_FHIR | FHIR | OAUTH
    found = set(_urls(get_resolver()))
    assert {
        url for url in found if not url.endswith(("<api-root>", "/")) and not url.startswith("/portal/")
    } == known  # people: the matrix of the portal


def _body(path: Path) -> dict[str, Any]:
    """What the path asks for beside the block, right in form."""
    facts = _filled(path.body, text="1150302080000")
    return {name: facts[name] for name in facts if name not in Block.__slots__ and name != "signature"}


def _filled(model: Any, text: str) -> dict[str, Any]:
    values = {str: text, int: 1, float: 1.0, bool: False}
    return {
        name: [_filled(field.annotation.__args__[0], "A000015421")]
        if get_origin(field.annotation)
        else values[field.annotation]
        for name, field in model.model_fields.items()
        if field.is_required()
    }


@pytest.mark.parametrize("path", DATA_CENTRE.values(), ids=lambda path: path.path)
def test_the_data_centre_serves_nobody_unproven(desk: Desk, path: Path) -> None:
    assert path.signers is not None
    for name, made in BAD.items():
        if name == "for another institution" and path.signers is Signers.HPC:
            continue  # a staff card speaks for itself; the institution is the one it asks for
        reply = desk.post(path.path, made(desk, _SIGNERS[path.signers], path.service_types[0]) | _body(path))
        assert reply["statusCode"] in _NOT_PROVEN, (name, reply)
    proven = desk.post(path.path, desk.block(_SIGNERS[path.signers], path.service_types[0]) | _body(path))
    assert proven["statusCode"] not in _NOT_PROVEN, "the same request with its own signature gets further"


@pytest.mark.parametrize("url", sorted(INTAKE))
def test_the_upload_services_serve_nobody_unproven(desk: Desk, url: str) -> None:
    for name, made in BAD.items():
        block = made(desk, "SAM", "30")
        body = {
            "sSamid": block["samId"],
            "sHospid": block["hospitalId"],
            "sClientrandom": block["clientRandom"],
            "sSignature": block["signature"],
            "sType": "A2",
            "sPatData": base64.b64encode(b"<RECS></RECS>").decode(),
            "sOpcode": "x",
        }
        reply = desk.client.post(url, json.dumps(body), content_type="application/json").json()
        assert reply["rtnCode"] in {"9002", "8203"}, (name, reply)
    assert not Submission.objects.exists()


@pytest.mark.parametrize("url", sorted(FHIR))
@pytest.mark.parametrize("header", ["", "Bearer AAAA", "Bearer", "Basic AAAA"])
def test_electronic_prescriptions_serve_nobody_without_a_token(client: Client, db: None, url: str, header: str) -> None:
    path = url.replace("<uuid:key>", "00000000-0000-0000-0000-000000000000")
    for ask in (client.get, client.post):
        answer = ask(path, headers={"Authorization": header})
        assert answer.status_code in {401, 405}
        assert answer.json()["resourceType"] == "OperationOutcome"
    assert client.post(path, headers={"Authorization": header}).status_code == 401 or url.endswith("<uuid:key>")


@pytest.mark.parametrize("url", sorted({"/app/v1/TeleMedicine/Pending", "/app/v1/TeleMedicine/Decide"}))
def test_a_phone_proves_itself_by_its_card(desk: Desk, virtual: Card, url: str) -> None:
    stranger = Card(virtual.number, virtual.id_no)
    assert desk.phone(url, stranger)["statusCode"] != 0
    assert desk.post(url, desk.spoken(virtual, nonce="1") | {"signature": "AAAA"})["statusCode"] != 0


def test_test_cards_are_issued_by_a_service_for_tests_only(desk: Desk, settings: Any) -> None:
    settings.TEST_CARDS = False
    wish = {"kind": "SAM", "publicKey": "x", "hospitalId": "3501200000"}
    assert desk.post("/test/v1/Card/Issue", wish)["statusCode"] != 0
