"""What operators watch: health, readiness, metrics, and logs that name nobody."""

from __future__ import annotations

import io
import json
import logging.config
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families
from tests.insurer.desk import CLINIC, PATIENT, Desk
from tests.insurer.intake.clients import CSHARP, VISIT20, a_file, worker

from nhicard.insurer.intake.services import receiving
from nhicard.insurer.operations import logs
from nhicard.insurer.registry import authority
from nhicard.insurer.settings import LOGGING

NAME = "測試病患甲"
FILE = a_file(VISIT20, VISIT20 | {"M03": "A123456788"})


def test_health_needs_nothing(client: Client) -> None:
    """Without the ``db`` fixture any query would fail the test."""
    response = client.get("/health")
    assert (response.status_code, response.json()) == (200, {"status": "ok"})


def test_ready_where_database_and_keys_are_in_order(client: Client, db: None, insurer_home: Path) -> None:
    response = client.get("/ready")
    assert (response.status_code, response.json()) == (200, {"status": "ok", "missing": []})


def _away(*_: Any) -> None:
    raise OperationalError("the server at db.example is away")


def test_ready_says_that_the_database_is_away(
    client: Client, db: None, insurer_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(connection, "cursor", _away)
        response = client.get("/ready")
    assert (response.status_code, response.json()) == (503, {"status": "not ready", "missing": ["database"]})


@pytest.mark.parametrize("name", [authority.KEYS, authority.ROOT_KEY, authority.ROOT])
@pytest.mark.parametrize("spoil", [Path.unlink, lambda path: path.write_bytes(b"{}")], ids=["missing", "damaged"])
def test_ready_says_that_keys_are_missing(client: Client, db: None, insurer_home: Path, name: str, spoil: Any) -> None:
    spoil(insurer_home / "keys" / name)
    response = client.get("/ready")
    assert (response.status_code, response.json()) == (503, {"status": "not ready", "missing": ["keys"]})


def _metrics(client: Client) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    response = client.get("/metrics")
    assert response.status_code == 200
    assert response.headers["Content-Type"].startswith("text/plain")
    families = text_string_to_metric_families(response.content.decode())
    return {(each.name, frozenset(each.labels.items())): each.value for family in families for each in family.samples}


def _key(name: str, **labels: str) -> tuple[str, frozenset[tuple[str, str]]]:
    return f"nhicard_{name}", frozenset(labels.items())


def test_metrics_count_what_waits_and_what_was_checked(desk: Desk) -> None:
    waits, checked = (_key("submissions", kind="A2", state=state) for state in ("pending", "checked"))
    assert waits not in _metrics(desk.client)
    receipt = CSHARP.send(desk, FILE)["opCode"]
    desk.later(seconds=30)
    before = _metrics(desk.client)
    assert (before[waits], before[_key("queue_age_seconds")]) == (1, 30)
    worker().once()
    after = _metrics(desk.client)
    assert (after[checked], after[_key("queue_age_seconds")]) == (1, 0)
    lately = {what: after[_key("checked_last_5_minutes", what=what)] for what in ("submissions", "records", "rejected")}
    assert lately == {"submissions": 1, "records": 2, "rejected": 2}
    assert after[_key("seconds_to_result", quantile="0.99")] == 30
    assert any(name == "nhicard_findings_last_5_minutes" and value > 0 for (name, _), value in after.items())
    said = desk.client.get("/metrics").content.decode()
    assert [secret for secret in (CLINIC, PATIENT, "A123456788", desk.sam.number, receipt) if secret in said] == []
    desk.later(minutes=6)
    assert _metrics(desk.client)[_key("checked_last_5_minutes", what="submissions")] == 0


# --- logs ---------------------------------------------------------------------------------------------------


@pytest.fixture(params=["plain", "json"])
def logged(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """What the configured formatter writes, at DEBUG."""
    stream, root = io.StringIO(), logging.getLogger()
    handler = logging.StreamHandler(stream)
    made = logging.config.DictConfigurator({"version": 1}).configure_formatter(LOGGING["formatters"][request.param])  # type: ignore[index]
    handler.setFormatter(made)
    monkeypatch.setattr(root, "level", logging.DEBUG)
    root.addHandler(handler)
    yield stream
    root.removeHandler(handler)
    if request.param == "json":
        lines = [json.loads(line) for line in stream.getvalue().splitlines()]
        assert lines
        assert all({"time", "level", "logger", "message"} <= set(line) for line in lines)


def test_uploads_refusals_and_faults_name_nobody_in_the_log(
    desk: Desk, logged: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = CSHARP.body(desk, FILE, "A2")
    receipt = CSHARP.post(desk, "VNHI_Upload", body)["opCode"]
    for change in ({"sSignature": PATIENT}, {"sType": PATIENT}, {"sPatData": PATIENT}, {"sSamid": PATIENT}):
        assert CSHARP.post(desk, "VNHI_Upload", body | change)["rtnCode"] != "0000"
    assert CSHARP.fetch(desk, PATIENT)["rtnCode"] == "9999"
    worker().once()

    def broken(*_: Any) -> None:
        try:
            raise KeyError(f"Key (patient)=({PATIENT}) exists")
        except KeyError as error:
            raise RuntimeError(f"{NAME} {receipt}") from error

    monkeypatch.setattr(receiving, "receive", broken)
    reply = CSHARP.send(desk, a_file(VISIT20))
    assert reply["rtnCode"] == "9999"
    assert "try again later" in reply["message"]
    said = logged.getvalue()
    assert "RuntimeError" in said
    assert "KeyError" in said
    secrets = [PATIENT, "A123456788", NAME, json.dumps(NAME)[1:-1], receipt, body["sPatData"]]
    assert [secret for secret in secrets if secret in said + json.dumps(reply)] == []


def test_an_exception_without_a_traceback_is_told_by_its_kind() -> None:
    assert logs.places(ValueError("A123456789")) == "ValueError"
