"""The local API: nothing without the token, everything on disk before the answer, clear words for what is wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.institution.console.console_world import Browser, Clinic, browsing, clinic, logged

from nhicard.institution.outbox import Outbox

PATHS = [
    ("POST", "/api/v1/visits"),
    ("POST", "/api/v1/visits/withdraw"),
    ("POST", "/api/v1/visits/states"),
    ("GET", "/api/v1/status"),
]
VISIT: dict[str, Any] = {
    "data_type": "1",
    "patient_id": "A123456789",
    "birth_date": "0700115",
    "institution": "3501990014",
    "staff_id": "B123456780",
    "visit_category": "01",
    "visit_time": "1151119093015",
    "department": "內科",
    "orders": [{"order_category": "1", "order_code": "AC12345100", "usage": "TID", "days": 3, "total": 9.0}],
}
KEY = {name: VISIT[name] for name in ("data_type", "patient_id", "institution", "visit_time")}


@pytest.fixture
def world(tmp_path: Path) -> Clinic:
    return clinic(tmp_path, empty=True)


@pytest.fixture
def his(world: Clinic) -> Iterator[Browser]:
    with browsing(world.app) as browser:
        token = world.secrets.token_file.read_text(encoding="utf-8")
        browser.client.headers["authorization"] = f"Bearer {token}"
        yield browser


@pytest.mark.parametrize(("method", "path"), PATHS)
@pytest.mark.parametrize(
    "sent", [None, "", "Bearer", "Bearer x", "Basic {token}", "Bearer {token}x", "{token}", "Bearer é"]
)
def test_nothing_without_the_token(world: Clinic, method: str, path: str, sent: str | None) -> None:
    headers = {} if sent is None else {"authorization": sent.format(token=world.secrets.api_token).encode()}
    with browsing(world.app) as stranger:
        for body in ("[]", "no JSON", ""):
            answer = stranger.ask(method, path, content=body, headers=headers)
            assert answer.status_code == 401, body
            assert "api.token" in answer.json()["detail"]


def test_signing_in_to_the_pages_is_no_token(world: Clinic) -> None:
    with browsing(world.app) as clerk:
        clerk.sign_in()
        assert clerk.get("/api/v1/status").status_code == 401


def test_the_document_names_every_path(his: Browser) -> None:
    document = his.get("/api/openapi.json").json()
    named = [(method.upper(), path) for path, methods in document["paths"].items() for method in methods]
    assert sorted(named) == sorted(PATHS)
    assert all(entry["security"] for methods in document["paths"].values() for entry in methods.values())


def test_visits_are_on_disk_before_the_answer(world: Clinic, his: Browser) -> None:
    assert his.ask("POST", "/api/v1/visits", json=[VISIT]).json() == {"new": 1, "changed": 0, "unchanged": 0}
    ((department, content),) = world.rows("SELECT department, content FROM visit")
    kept = json.loads(content)
    assert department == "內科"
    assert {name: kept[name] for name in KEY} == KEY
    assert kept["orders"][0] | {"days": "3", "total": "9.0"} == kept["orders"][0]


def test_a_visit_again_is_no_second_one_and_a_mended_one_a_change(his: Browser) -> None:
    his.ask("POST", "/api/v1/visits", json=[VISIT])
    assert his.ask("POST", "/api/v1/visits", json=[VISIT]).json() == {"new": 0, "changed": 0, "unchanged": 1}
    mended = VISIT | {"birth_date": "0700116"}
    assert his.ask("POST", "/api/v1/visits", json=[mended]).json() == {"new": 0, "changed": 1, "unchanged": 0}
    assert his.ask("POST", "/api/v1/visits", json=[]).json() == {"new": 0, "changed": 0, "unchanged": 0}


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("no JSON", "body"),
        ("{}", "body"),
        ("[1]", "0"),
        ('[{"orders": 1}]', "0.orders"),
        ('[{"orders": [1]}]', "0.orders.0"),
        ('[{"orders": null}]', "0.orders"),
        ('[{"patient_id": {}}]', "0.patient_id"),
        ('[{"patient_id": ["A123456789"]}]', "0.patient_id"),
        ('[{"department": 7}]', "0.department"),
        ('[{"pateint_id": "A123456789"}]', "pateint_id"),
        ('[{"patient_id": "A123456789", "orders": [{"code": "1"}]}]', "code"),
        ('[{"patient_id": "A123456789", "orders": [{"visit": 0}]}]', "visit"),
        ("[{}]", "不符"),
        ('[{"orders": []}]', "不符"),
        ('[{"patient_id": "\\ud800"}]', "0.patient_id"),
        ('[{"\\ud800": "1"}]', "不符"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_kept(world: Clinic, his: Browser, body: str, told: str) -> None:
    answer = his.ask("POST", "/api/v1/visits", content=body)
    assert answer.status_code == 422
    detail = answer.json()["detail"]
    assert told in detail
    assert "A123456789" not in detail
    assert "不符" in detail
    assert "fit" in detail
    assert world.rows("SELECT count(*) FROM visit") == [(0,)]


def test_one_wrong_visit_keeps_none_of_the_list(world: Clinic, his: Browser) -> None:
    assert his.ask("POST", "/api/v1/visits", json=[VISIT, {"orders": 1}]).status_code == 422
    assert world.rows("SELECT count(*) FROM visit") == [(0,)]


def test_a_list_that_is_too_large_is_refused(his: Browser) -> None:
    assert his.ask("POST", "/api/v1/visits", content=b"[" + b" " * (1 << 25) + b"]").status_code == 413


def test_a_visit_is_taken_back_by_its_key(world: Clinic, his: Browser) -> None:
    his.ask("POST", "/api/v1/visits", json=[VISIT])
    other = KEY | {"patient_id": "A123456770"}
    assert his.ask("POST", "/api/v1/visits/withdraw", json=[KEY, other]).json() == {"withdrawn": 1}
    assert his.ask("POST", "/api/v1/visits/withdraw", json=[KEY]).json() == {"withdrawn": 0}
    ((withdrawn_at,),) = world.rows("SELECT withdrawn_at FROM visit")
    assert withdrawn_at


def test_the_his_learns_what_became_of_a_visit(world: Clinic, his: Browser) -> None:
    his.ask("POST", "/api/v1/visits", json=[VISIT])
    with Outbox(world.outbox) as outbox, outbox.writing() as cursor:
        cursor.execute("INSERT INTO track (visit, kind, state) VALUES (1, 'A2', 'rejected')")
        cursor.execute("INSERT INTO finding VALUES (1, 'A2', 1, '', NULL, 'M35', '15', 'reject', NULL)")
    known, unknown = his.ask("POST", "/api/v1/visits/states", json=[KEY, KEY | {"institution": "x"}]).json()
    assert known == {
        "known": True,
        "states": [{"kind": "A2", "state": "rejected", "receipt": ""}],
        "findings": [{"kind": "A2", "order": None, "field": "M35", "code": "15", "severity": "reject"}],
    }
    assert unknown == {"known": False, "states": [], "findings": []}


def test_the_status_is_counts_only(world: Clinic, his: Browser) -> None:
    his.ask("POST", "/api/v1/visits", json=[VISIT])
    told = his.get("/api/v1/status").json()
    assert told["states"][""] == {"waiting": 1}
    assert told["files_waiting"] == 0
    assert told["last_received_at"] is None
    assert set(told["urgent"]) == {"warning", "alarm", "overdue"}


def test_no_log_line_names_anybody(his: Browser) -> None:
    with logged() as lines:
        his.ask("POST", "/api/v1/visits", json=[VISIT])
        his.ask("POST", "/api/v1/visits", json=[VISIT | {"A123456789": "B123456780"}])
        his.ask("POST", "/api/v1/visits/states", json=[KEY])
        his.ask("POST", "/api/v1/visits/withdraw", json=[KEY])
    assert any("POST /api/v1/visits/withdraw 200" in line for line in lines)
    assert not [line for line in lines if "A123456789" in line or "B123456780" in line]


@pytest.mark.parametrize("path", ["/api/v1/visits/withdraw", "/api/v1/visits/states"])
@pytest.mark.parametrize("body", ['[{"patient_id": "\\ud800"}]', '["x"]', "{}", "[[]]", '[{"patient_id": 1}]'])
def test_a_key_that_is_none_is_refused(his: Browser, path: str, body: str) -> None:
    assert his.ask("POST", path, content=body).status_code == 422


@pytest.mark.parametrize(("path", "status"), [("/api/v1/nothing", 404), ("/api/v1/visits", 405)])
def test_what_is_not_there_is_told_as_json(his: Browser, path: str, status: int) -> None:
    answer = his.get(path)
    assert answer.status_code == status
    assert answer.json()["detail"]
