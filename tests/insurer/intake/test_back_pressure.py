"""When too much waits, new pre-checks are refused with an answer that says so; real uploads are taken."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from tests.insurer.desk import Desk
from tests.insurer.intake.clients import CLIENTS, VISIT20, PublicClient, a_file, worker

from nhicard.insurer.intake.kinds import KINDS, Channel
from nhicard.insurer.intake.models import Payload, State, Submission
from nhicard.insurer.intake.services import claiming, receiving, turns
from nhicard.insurer.intake.services.receiving import QueueIsFull, Upload

NOON = datetime(2023, 10, 20, 12)
HOSPITAL, CLINIC = "1101100011", "3501200000"
SECOND = timedelta(seconds=1)
pytestmark = pytest.mark.django_db


def send(kind: str, now: datetime, institution: str = CLINIC, content: bytes = b"new") -> Submission:
    return receiving.receive(Upload(institution, "SAM000000001", Channel.WEB_API, kind, content), now)


def late() -> datetime:
    """Something was due so long ago that the queue is late."""
    send("B1", NOON, HOSPITAL, b"waits")
    return NOON + turns.MOST_LATE + SECOND


def far_ahead() -> datetime:
    """The clinic itself has too much waiting."""
    waiting = send("B1", NOON, CLINIC, b"waits")
    Submission.objects.filter(pk=waiting.pk).update(due_at=NOON + turns.MOST_AHEAD)
    return NOON


@pytest.mark.parametrize("why", [late, far_ahead])
@pytest.mark.parametrize("kind", sorted(KINDS))
def test_only_new_prechecks_are_refused(why: Callable[[], datetime], kind: str) -> None:
    now = why()
    if not KINDS[kind].is_precheck:
        assert send(kind, now).state == State.PENDING
        return
    with pytest.raises(QueueIsFull):
        send(kind, now)
    assert not Submission.objects.filter(kind=kind).exists()
    assert Payload.objects.count() == Submission.objects.count() == 1


def test_a_limit_reached_is_none_passed() -> None:
    assert send("A2", late() - SECOND).state == State.PENDING


def test_what_was_received_keeps_its_receipt() -> None:
    before = send("A2", NOON)
    assert send("A2", late()).receipt == before.receipt


def test_one_senders_backlog_refuses_nobody_else() -> None:
    now = far_ahead()
    assert send("A2", now, HOSPITAL).state == State.PENDING


def test_what_is_not_yet_due_is_not_late() -> None:
    """A hospital's backlog of many hours does not make the queue late for the others."""
    for number in range(50):
        send("B1", NOON, HOSPITAL, b"%d" % number * 200_000)
    waited = NOON + turns.MOST_LATE - SECOND
    assert Submission.objects.filter(due_at__gt=waited + SECOND).exists()
    assert send("A2", waited).state == State.PENDING


def test_prechecks_are_taken_again_when_the_workers_have_caught_up() -> None:
    now = late()
    with pytest.raises(QueueIsFull):
        send("A2", now)
    (claimed,) = claiming.claim(now)
    Submission.objects.filter(pk=claimed.pk).update(state=State.CHECKED)
    assert send("A2", now).state == State.PENDING


@pytest.mark.parametrize("public", CLIENTS, ids=lambda each: each.name)
def test_public_clients_get_a_code_they_know_and_words(desk: Desk, public: PublicClient) -> None:
    waits = public.send(desk, a_file(VISIT20), "A1")
    assert waits[public.code] == "0000"
    Submission.objects.update(due_at=desk.now - turns.MOST_LATE - SECOND)
    refused = public.send(desk, a_file(VISIT20 | {"M23": "3"}), "A2")
    assert refused[public.code] == "9999"
    assert "正式上傳不受影響" in refused["message"]
    worker().once()
    assert public.send(desk, a_file(VISIT20 | {"M23": "3"}), "A2")[public.code] == "0000"
