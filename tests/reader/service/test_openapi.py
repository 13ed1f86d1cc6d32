"""The OpenAPI document and what the service makes of requests that keep to it, or do not: always a clear answer."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path as File
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core import NOT_SET
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from schemathesis.specs.openapi.schemas import OpenApiSchema

from nhicard.formats.status_codes import status_codes
from nhicard.reader.home import Home, Settings
from nhicard.reader.service.app import create_app
from nhicard.reader.service.paths import PATHS, Path
from tests.reader.service import wire
from tests.reader.service.room import PIN, Json, Room

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
TRACEBACK = re.compile(r"Traceback|File \\?\"|\.py\b|Error:|Exception")
examples = settings(
    max_examples=15, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck)
)
every_path = pytest.mark.parametrize("path", PATHS, ids=lambda path: f"{path.method} {path.path}")


@cache
def document() -> Json:
    """The published document; it says nothing of a machine."""
    return create_app(Settings(Home(File("nowhere")), "http://localhost", pcsc=False)).openapi()


@cache
def operations() -> OpenApiSchema:
    """What schemathesis makes of it."""
    return schemathesis.openapi.from_dict(document())


@pytest.fixture
def begun(room: Room) -> Room:
    """A room where every call can go far: the session begun, the staff card verified, a virtual card at hand."""
    return room.opened(staff=PIN)


def clear(response: httpx.Response) -> Json:
    """The reply of an answer that any program understands."""
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    reply: Json = response.json()
    assert type(reply["statusCode"]) is int
    assert reply["statusCode"] in status_codes()
    assert reply["statusCode"] != -1, "a fault of the program"
    assert TRACEBACK.search(reply["message"]) is None
    return reply


def as_sent(body: object) -> bytes:
    """A drawn body: JSON, or already bytes, or nothing."""
    if body is NOT_SET:
        return b""
    return body if isinstance(body, bytes) else json.dumps(body).encode()


@every_path
@examples
@given(data=st.data())
def test_requests_by_the_document_are_answered_by_the_document(begun: Room, path: Path, data: st.DataObject) -> None:
    mode = data.draw(st.sampled_from(GenerationMode))  # bodies as described, and bodies that break the description
    case = data.draw(operations()[path.path][path.method].as_strategy(generation_mode=mode))
    response = begun.send(path.method, path.path, content=as_sent(case.body))
    assert clear(response).keys() >= wire.LOCAL.get((path.method, path.path), set())
    case.validate_response(response, checks=CHECKS)


_ODD_TEXTS = ["\x00", "\ud800", "\udfff\ud800", "\x1f", "碁" * 300, "x" * 9_000, "\u202e", "COM" + "9" * 190, "../../x"]
_ODD = st.one_of(
    st.sampled_from([*_ODD_TEXTS, None, True, False, 0, -1, 2**63, 10**400, 1e308, float("inf"), float("nan"), [], {}]),
    st.recursive(st.none() | st.text(max_size=5), lambda inner: st.lists(inner, max_size=2), max_leaves=5),
)


@pytest.mark.parametrize("path", [each for each in PATHS if each.body.model_fields], ids=lambda path: path.path)
@examples
@given(data=st.data())
def test_odd_values_are_answered_too(begun: Room, path: Path, data: st.DataObject) -> None:
    body = data.draw(st.fixed_dictionaries(dict.fromkeys(path.body.model_fields, _ODD)))
    clear(begun.send(path.method, path.path, content=json.dumps(body).encode()))


HOPELESS: dict[str, Any] = {
    "no JSON": b"name=COM1",
    "half of it": b'{"name": "1',
    "not UTF-8": b'{"name": "\xb4\xfa\xb8\xd5"}',
    "nested deeply": b'{"name":' * 9_000,
    "a list nested deeply": b"[" * 60_000,
    "a number without end": b'{"name": ' + b"9" * 5_000 + b"}",
    "64 KB": b'{"name": "' + b"x" * 65_536 + b'"}',
    "a list": b"[]",
    "a text": b'"tap"',
    "binary": bytes(range(256)),
}


@pytest.mark.parametrize("content", HOPELESS.values(), ids=HOPELESS)
def test_a_body_that_is_no_request_is_told_so(room: Room, content: bytes) -> None:
    for path in PATHS:
        reply = clear(room.send(path.method, path.path, content=content))
        assert (path.path, reply["statusCode"]) == (path.path, 6018)
        assert set(reply) == set(path.reply.model_fields)


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"])
def test_another_method_is_no_function(room: Room, method: str) -> None:
    ours = {(each.method, each.path) for each in PATHS}
    for path in {each.path for each in PATHS}:
        if (method, path) not in ours:
            assert clear(room.send(method, path))["statusCode"] == 9005


@pytest.mark.parametrize(
    "path", ["/", "/api", "/api/hc/v1/%00", "/api/..%2f", "//", "/docs", "/redoc", "/api/hc/v1/Pin/"]
)
def test_an_unknown_path_is_no_function(room: Room, path: str) -> None:
    for method in ("GET", "POST"):
        assert clear(room.send(method, path))["statusCode"] == 9005


def test_the_document_describes_every_path_and_every_key_of_its_reply(room: Room) -> None:
    published = room.send("GET", "/openapi.json").json()
    assert published == document()
    described = {(method.upper(), path) for path, methods in published["paths"].items() for method in methods}
    assert described == {(each.method, each.path) for each in PATHS} >= set(wire.LOCAL)
    schemas = published["components"]["schemas"]
    assert not {"HTTPValidationError", "ValidationError"} & set(schemas)
    for each in PATHS:
        assert set(schemas[each.reply.__name__]["properties"]) == set(each.reply.model_fields)
        assert list(published["paths"][each.path][each.method.lower()]["responses"]) == ["200"]
