"""The recount finds each kind of loss."""

from __future__ import annotations

import hashlib
from datetime import datetime

import pytest
from tests.insurer.intake.clients import VISIT20, a_file

from nhicard.insurer.intake.kinds import Channel
from nhicard.insurer.intake.models import Payload, State, Submission, Visit
from nhicard.insurer.intake.services import receiving
from nhicard.insurer.intake.services.receiving import Upload
from nhicard.simulation import recount
from nhicard.simulation.sending import Sent

NOON = datetime(2026, 3, 2, 12)
pytestmark = pytest.mark.django_db


def a_sent_and_checked_upload() -> Sent:
    content = a_file(VISIT20)
    submission = receiving.receive(Upload(VISIT20["M05"], "A" * 12, Channel.WEB_API, "A1", content), NOON)
    Submission.objects.update(state=State.CHECKED, records=1)
    facts = {"edition": "2.0", "is_precheck": False, "channel": "web", "state": "accepted", "received_at": NOON}
    facts["visit_month"] = NOON.date().replace(day=1)
    Visit.objects.create(submission=submission, record=1, **facts)
    digest = hashlib.sha256(content).digest()
    return Sent(0.0, {}, digest, 1, False, receipt=submission.receipt, others={submission.receipt})


def found(sent: Sent) -> set[str]:
    return {name for name, count in recount.losses([sent]).items() if count}


def test_nothing_where_nothing_is_lost() -> None:
    assert found(a_sent_and_checked_upload()) == set()


def test_each_kind_of_loss() -> None:
    sent = a_sent_and_checked_upload()
    Submission.objects.update(state=State.PENDING)
    assert found(sent) == {"without result"}
    Submission.objects.update(state=State.CHECKED, records=2)
    assert found(sent) == {"records counted wrongly"}
    Submission.objects.update(records=1)
    Visit.objects.all().delete()
    assert found(sent) == {"records not on file"}
    Payload.objects.all().delete()
    assert "payloads missing or changed" in found(sent)
    sent.others.add("another")
    assert "receipts that changed" in found(sent)
    sent.receipt = ""
    assert {"uploads without receipt", "submissions nobody sent"} <= found(sent)
