"""Requests by the description of an API, and requests that break it: always a clear answer, never a server error.

The reader's, the data centre's and the upload service's APIs have the same among their own tests, the console's among
those of the fuzzer.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest
import schemathesis
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.core import NOT_SET
from schemathesis.specs.openapi.schemas import OpenApiSchema
from tests.insurer.eprescriptions import sheets
from tests.insurer.eprescriptions.programs import Clock, Program, program
from tests.insurer.faults.described import FHIR, OPEN_DATA
from tests.insurer.opendata.test_opendata_pages import folder

TRACEBACK: Final = re.compile(r"Traceback|File \\?\"|\.py\b|Exception|psycopg|sqlite3")
_is_fuzzing: Final = settings().max_examples >= settings.get_profile("fuzz").max_examples
examples = settings(
    max_examples=500 if _is_fuzzing else 10,
    derandomize=not _is_fuzzing,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
PAGE: Final = "text/html"


__all__ = ["folder"]  # a fixture


@cache
def operations(which: str) -> OpenApiSchema:
    return schemathesis.openapi.from_dict({"fhir": FHIR, "open data": OPEN_DATA}[which])


def each_of(document: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Method and path of every operation."""
    return [(method.upper(), path) for path, methods in document["paths"].items() for method in methods]


def drawn(data: st.DataObject, schema: OpenApiSchema, method: str, path: str) -> Any:
    mode = data.draw(st.sampled_from(GenerationMode))
    return data.draw(schema[path][method].as_strategy(generation_mode=mode))


def as_sent(case: Any) -> bytes:
    body = case.body
    if body is NOT_SET:
        return b""
    return body if isinstance(body, bytes) else json.dumps(body).encode()


def as_text(values: Any) -> dict[str, str]:
    """Headers or a query as any client can send them."""
    if not isinstance(values, Mapping):
        return {}
    return {
        str(name): str(value).encode("utf-8", "replace").decode()
        for name, value in values.items()
        if value is not NOT_SET
    }


def require_clear(status: int, content_type: str, text: str, statuses: Mapping[str, Any], *, is_page: bool) -> None:
    """One of the described answers; or, for an address that is none, the site's own page."""
    assert status < 500, text
    assert TRACEBACK.search(text) is None, text
    if status == 404 and is_page and content_type.startswith(PAGE):
        return
    assert str(status) in statuses, (status, text)
    assert "json" in content_type
    json.loads(text)


@pytest.fixture
def connected(db: None, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Program:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    Clock(monkeypatch)
    return program("clinic").connect()


@pytest.mark.parametrize(("method", "path"), each_of(FHIR))
@examples
@given(data=st.data())
def test_fhir(connected: Program, method: str, path: str, data: st.DataObject) -> None:
    case = drawn(data, operations("fhir"), method, path)
    own = {"Authorization": f"Bearer {connected.token}"}
    headers = {
        name: value for name, value in as_text(case.headers).items() if name == "Access-Code" and value.isascii()
    }
    answer = connected.browser.generic(
        method,
        case.formatted_path,
        as_sent(case),
        content_type=case.media_type or "application/json",
        headers=own | {name: re.sub(r"[\r\n]", "", value) for name, value in headers.items()},
    )
    statuses = FHIR["paths"][path][method.lower()]["responses"]
    has_key = "{key}" in path  # what is no UUID is no address of ours
    require_clear(answer.status_code, answer["Content-Type"], answer.content.decode(), statuses, is_page=has_key)


_ODD: st.SearchStrategy[Any] = st.one_of(
    st.sampled_from(["", "\x00", "x" * 5000, "\u202e", None, True, 0, -1, 2**63, 10**30, 0.1, [], {}, [[]], [{}]]),
    st.text(max_size=6),
)


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every member of every object and list: the container, and where in it."""
    if isinstance(value, (dict, list)):
        for place in list(value) if isinstance(value, dict) else range(len(value)):
            yield value, place
            yield from _places(value[place])


@examples
@given(data=st.data())
def test_documents_with_odd_members(connected: Program, data: st.DataObject) -> None:
    """A real prescription in which some members are something else, twice or gone."""
    document = sheets.prescription(connected.code)
    for _ in range(data.draw(st.integers(1, 3))):
        inside = list(_places(document))
        container, place = inside[data.draw(st.integers(0, len(inside) - 1))]
        if data.draw(st.booleans()):
            container[place] = data.draw(_ODD)
        else:
            del container[place]
    answer = connected.prescribe(document)
    statuses = FHIR["paths"]["/fhir/Bundle"]["post"]["responses"]
    require_clear(answer.status_code, answer["Content-Type"], answer.content.decode(), statuses, is_page=False)


@pytest.mark.django_db
@pytest.mark.parametrize(("method", "path"), each_of(OPEN_DATA))
@examples
@given(data=st.data())
def test_open_data(client: Client, folder: Path, method: str, path: str, data: st.DataObject) -> None:
    case = drawn(data, operations("open data"), method, path)
    answer = client.generic(method, case.formatted_path, query_params=as_text(case.query))
    statuses = OPEN_DATA["paths"][path][method.lower()]["responses"]
    require_clear(answer.status_code, answer["Content-Type"], answer.content.decode(), statuses, is_page=False)
