"""The console's local API, by the document that it publishes and against it: always a clear answer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.core import NOT_SET

from tests.institution.console.console_world import Browser, browsing, clinic

_is_fuzzing: Final = settings().max_examples >= settings.get_profile("fuzz").max_examples
examples = settings(
    max_examples=500 if _is_fuzzing else 10,
    derandomize=not _is_fuzzing,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)


def as_sent(case: Any) -> bytes:
    body = case.body
    if body is NOT_SET:
        return b""
    return body if isinstance(body, bytes) else json.dumps(body).encode()


@pytest.fixture
def his(tmp_path: Path) -> Iterator[Browser]:
    """A program of the clinic's own, with the token."""
    world = clinic(tmp_path, empty=True)
    with browsing(world.app) as browser:
        token = world.secrets.token_file.read_text(encoding="utf-8")
        browser.client.headers["authorization"] = f"Bearer {token}"
        yield browser


CONSOLE: Final = [("POST", f"/api/v1/visits{end}") for end in ("", "/withdraw", "/states")] + [
    ("GET", "/api/v1/status")
]


@pytest.mark.parametrize(("method", "path"), CONSOLE)
@examples
@given(data=st.data())
def test_the_consoles_local_api(his: Browser, method: str, path: str, data: st.DataObject) -> None:
    document = his.get("/api/openapi.json").json()
    mode = data.draw(st.sampled_from(GenerationMode))
    case = data.draw(schemathesis.openapi.from_dict(document)[path][method].as_strategy(generation_mode=mode))
    answer = his.ask(
        method, path, content=as_sent(case), headers={"content-type": case.media_type or "application/json"}
    )
    statuses = {**document["paths"][path][method.lower()]["responses"], "422": {}}
    statuses["400"] = {}  # bytes that are no text are refused before the document's own rules
    assert str(answer.status_code) in statuses, answer.text
    assert "json" in answer.headers["content-type"]
    assert "Traceback" not in json.dumps(answer.json())
