"""A disk without room: uploads are refused whole and may come again, the worker waits for room."""

from __future__ import annotations

import random
from typing import Final

import pytest
from django.db import connection
from django.test import Client
from tests.insurer.desk import CLINIC, Desk, newly_opened
from tests.insurer.faults.databases import Database
from tests.insurer.faults.driver import RUN_OUT, context
from tests.insurer.faults.recount import require_each_checked_once
from tests.insurer.faults.uploads import receive_all, upload, uploads, visit
from tests.insurer.intake.clients import JAVA

from nhicard.insurer.intake import worker as worker_module
from nhicard.insurer.intake.models import Finding, Order, Payload, SignatureUse, State, Submission, Visit
from nhicard.insurer.intake.services import retention
from nhicard.insurer.intake.worker import Worker

#: Larger, compressed, than what is free in the pages of a small database.
LARGE: Final = random.Random(6).randbytes(1 << 20)
MANY: Final = [visit(number) for number in range(1000, 1400)]


@pytest.fixture
def desk(database: Database, client: Client, monkeypatch: pytest.MonkeyPatch) -> Desk:
    return newly_opened(client, monkeypatch)


def test_an_upload_without_room_is_refused_whole_and_kept_once_when_it_comes_again(
    database: Database, desk: Desk
) -> None:
    body = JAVA.body(desk, LARGE, "B1")
    with database.full("intake_payload"):
        for _ in range(2):
            refusal = JAVA.post(desk, "VNHI_Upload", body)
            assert refusal["rtnCode"] == "9999"
            assert "請稍後再試" in refusal["message"]
        assert desk.client.get("/health").status_code == 200
        assert JAVA.fetch(desk, "20260302093015AAAAAA" + CLINIC)["rtnCode"] == "9999", "which it never gave"
    assert [rows.objects.count() for rows in (Submission, Payload, SignatureUse)] == [0, 0, 0]
    first, second = (JAVA.post(desk, "VNHI_Upload", body) for _ in range(2))
    assert (first["rtnCode"], first) == ("0000", second)
    desk.later(minutes=1)
    assert JAVA.send(desk, LARGE, "B1") == first, "signed anew"
    assert [rows.objects.count() for rows in (Submission, Payload, SignatureUse)] == [1, 1, 2]


@pytest.mark.parametrize("table", ["intake_visit", "intake_daycount"])
def test_a_worker_without_room_writes_nothing_and_goes_on_once_there_is_some(
    database: Database, monkeypatch: pytest.MonkeyPatch, table: str
) -> None:
    receive_all([*uploads(3), upload(*MANY)])
    works = Worker(context, lease=RUN_OUT)
    fullness = database.full(table)
    written: list[int] = []

    def make_room() -> None:
        written.extend(rows.objects.count() for rows in (Visit, Order, Finding))
        written.append(Submission.objects.exclude(state=State.PENDING).count())
        fullness.__exit__(None, None, None)

    def idle(*_: object) -> int:
        works.stop()
        return 0

    monkeypatch.setattr(worker_module, "close_old_connections", make_room)
    monkeypatch.setattr(retention, "forget_old_results", idle)
    fullness.__enter__()
    works.run(pause=0)
    assert written == [0, 0, 0, 0]
    assert not connection.in_atomic_block
    require_each_checked_once()
