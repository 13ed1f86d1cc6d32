"""The OpenAPI document and what the service makes of requests that keep to it, or do not: always a clear answer."""

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
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from schemathesis.specs.openapi.schemas import OpenApiSchema
from tests.insurer.desk import PATH, Desk

from nhicard.formats.status_codes import status_codes
from nhicard.insurer.datacentre.api import Path
from nhicard.insurer.datacentre.authentication import Signers
from nhicard.insurer.wsgi import application

pytestmark = pytest.mark.skipif(
    connection.vendor != "sqlite",
    reason="real WSGI calls close the connection that the test's transaction lives on; run on SQLite",
)
DOCUMENT = "/datacentre/openapi.json"
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
TRACEBACK = re.compile(r"Traceback|File \\?\"|\.py\b|Error:|Exception")
BLOCK = ("clientRandom", "hospitalId", "samId", "signature", "hcId", "hcIdNo", "hpcId", "hpcIdNo")
SIGNED_BY = {Signers.SAM: "SAM", Signers.HC: "SAM HC", Signers.HPC_HC: "SAM HC HPC", Signers.HPC: "HPC"}
examples = settings(
    max_examples=6, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck)
)


every_path = pytest.mark.parametrize("path", PATH.values(), ids=PATH)


@cache
def document() -> OpenApiSchema:
    """The published document, its operations ready to be called without a network."""
    return schemathesis.openapi.from_wsgi(DOCUMENT, application)


@every_path
@examples
@given(data=st.data())
def test_requests_by_the_document_are_answered_by_the_document(desk: Desk, path: Path, data: st.DataObject) -> None:
    mode = data.draw(st.sampled_from(GenerationMode))  # bodies as described, and bodies that break the description
    case = data.draw(document()[path.path]["POST"].as_strategy(generation_mode=mode))
    _require_clear_answer(case.call_and_validate(checks=CHECKS).text)


@every_path
@examples
@given(data=st.data())
def test_so_are_requests_that_bear_a_genuine_signature(desk: Desk, path: Path, data: st.DataObject) -> None:
    """Behind the signature's verification, where the services read the other keys."""
    case = data.draw(document()[path.path]["POST"].as_strategy())
    assert isinstance(case.body, dict)
    if path.signers:
        case.body = {**case.body, **desk.block(SIGNED_BY[path.signers], path.service_types[0])}
    reply = _require_clear_answer(case.call_and_validate(checks=CHECKS).text)
    assert reply["statusCode"] != 3100


def _require_clear_answer(text: str) -> dict[str, Any]:
    reply: dict[str, Any] = json.loads(text)
    assert type(reply["statusCode"]) is int
    assert reply["statusCode"] in status_codes()
    assert reply["statusCode"] != 1799, "a fault of the program"
    assert TRACEBACK.search(reply["message"]) is None
    return reply


def test_the_document_describes_every_path_and_every_key_of_its_reply(client: Client) -> None:
    described = client.get(DOCUMENT).json()
    assert set(described["paths"]) == set(PATH)
    schemas = described["components"]["schemas"]
    for path in PATH.values():
        assert list(described["paths"][path.path]) == ["post"]
        assert set(schemas[path.reply.__name__]["properties"]) == set(path.reply.model_fields)
        assert set(schemas[path.body.__name__]["properties"]) == set(path.body.model_fields)


# --- what no document foresees ------------------------------------------------------------------------------

HOPELESS = {
    "nothing": (b"", 1705),
    "no JSON": (b"treatmentItem=01", 1704),
    "half of it": (b'{"clientRandom": "1', 1704),
    "not UTF-8": (b'{"clientRandom": "\xb4\xfa\xb8\xd5"}', 1704),
    "nested deeply": (b"[" * 100_000, 1704),
    "a number without end": (b'{"clientRandom": ' + b"9" * 5_000 + b"}", 1704),
    "300 KB": (b'{"clientRandom": "' + b"x" * 300_000 + b'"}', 1704),
    "null": (b"null", 1705),
    "a list": (b"[]", 1705),
    "a text": (b'"tap"', 1705),
    "an empty object": (b"{}", 1705),
}


@pytest.mark.parametrize(("content", "status"), HOPELESS.values(), ids=HOPELESS)
def test_a_body_that_is_no_request_is_told_so(client: Client, db: None, content: bytes, status: int) -> None:
    for path in PATH.values():
        reply = _post(client, path, content)
        assert (path.path, reply["statusCode"]) == (path.path, status)
        assert set(reply) == set(path.reply.model_fields)


@pytest.mark.parametrize("method", ["get", "put", "delete", "patch", "options"])
def test_another_method_is_no_command(client: Client, db: None, method: str) -> None:
    for path in PATH.values():
        response = getattr(client, method)(path.path)
        assert (path.path, response.status_code, response.json()["statusCode"]) == (path.path, 200, 1701)
        assert set(response.json()) == set(path.reply.model_fields)


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_a_content_type_does_not_matter(client: Client, db: None, content_type: str) -> None:
    for path in PATH:
        response = client.generic("POST", path, b"{}", content_type)
        assert (path, response.status_code, response.json()["statusCode"]) == (path, 200, 1705)


@pytest.mark.parametrize(
    "path", ["/api/v1/", "/api/v1/Nothing", "/app/v1/%00", "/test/v1/..%2f", "/api/v1/SequelNumber/Next/"]
)
def test_an_unknown_path_is_no_command(client: Client, db: None, path: str) -> None:
    for method in (client.post, client.get):
        response = method(path)
        assert (response.status_code, response.json()["statusCode"]) == (200, 1701)


_ODD_TEXTS = ["\x00", "\ud800", "\udfff\ud800", "\x1f", "碁" * 300, "x" * 9_000, "\u202e", "'; DROP TABLE", "{{7*7}}"]
_ODD = st.one_of(
    st.sampled_from([*_ODD_TEXTS, None, True, False, 0, -1, 2**63, 10**400, 1e308, float("inf"), float("nan"), [], {}]),
    st.recursive(st.none() | st.text(max_size=5), lambda inner: st.lists(inner, max_size=2), max_leaves=5),
)


@every_path
@examples
@given(data=st.data())
def test_odd_values_behind_a_genuine_signature(desk: Desk, path: Path, data: st.DataObject) -> None:
    keys = [key for key in path.body.model_fields if key not in BLOCK]
    body = data.draw(st.fixed_dictionaries(dict.fromkeys(keys, _ODD)))
    if path.signers:
        body |= desk.block(SIGNED_BY[path.signers], path.service_types[0])
    _require_clear_answer(json.dumps(_post(desk.client, path, json.dumps(body).encode())))


@pytest.mark.parametrize("path", [each for each in PATH.values() if each.signers], ids=lambda path: path.path)
@examples
@given(data=st.data())
def test_odd_values_in_the_signature_block(desk: Desk, path: Path, data: st.DataObject) -> None:
    assert path.signers
    body: dict[str, Any] = desk.block(SIGNED_BY[path.signers], path.service_types[0])
    body |= dict.fromkeys(set(path.body.model_fields) - set(BLOCK), "1")
    key = data.draw(st.sampled_from(BLOCK))
    body[key] = data.draw(_ODD)
    reply = _require_clear_answer(json.dumps(_post(desk.client, path, json.dumps(body).encode())))
    blank = body[key] is None or (isinstance(body[key], str) and not body[key].strip())
    assert reply["statusCode"] != 0 or blank, "only a card that is not there may be left blank in several ways"


def _post(client: Client, path: Path, content: bytes) -> dict[str, Any]:
    response = client.post(path.path, content, content_type="application/json")
    assert response.status_code == 200
    assert response.headers["Content-Type"].startswith("application/json")
    reply: dict[str, Any] = response.json()
    return reply
