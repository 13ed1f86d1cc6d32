"""Erasing what has been kept long enough: that and nothing else, with a proof that names no person."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from django.apps import apps
from django.contrib.sessions.models import Session
from tests.insurer.desk import NOW, PATIENT, Desk
from tests.insurer.intake.clients import CSHARP, VISIT20, a_file, worker

from nhicard.insurer.audit import chain
from nhicard.insurer.audit.models import Entry
from nhicard.insurer.intake.models import Payload, State, Submission
from nhicard.insurer.intake.services import receiving
from nhicard.insurer.operations import retention

DAY: Final = timedelta(days=1)
SEVEN_YEARS: Final = 2557 * DAY

pytestmark = pytest.mark.django_db


def file_of(number: int) -> bytes:
    return a_file(VISIT20 | {"M11": f"11503020{number:02d}000"})


def everything() -> dict[str, list[dict[str, Any]]]:
    """Every row of every table of ours."""
    return {model._meta.label: list(model._base_manager.order_by("pk").values()) for model in apps.get_models()}


def run(as_of: datetime, now: datetime | None = None, file: Path | None = None) -> dict[str, int]:
    return {each.policy.name: each.rows for each in retention.run(retention.policies(file), as_of, now or as_of)}


@pytest.fixture
def three(desk: Desk) -> list[Submission]:
    """Sent on three days in a row; the last one waits for its check."""
    for number in (8, 9, 10):
        assert CSHARP.send(desk, file_of(number))["rtnCode"] == "0000"
        if number < 10:
            assert worker().once() == 1
        desk.later(days=1)
    return list(Submission.objects.order_by("pk"))


def test_what_is_past_its_period_goes_and_nothing_else(three: list[Submission]) -> None:
    before = everything()
    assert before["intake.Finding"], "the made-up files have findings"
    assert run(NOW + SEVEN_YEARS + timedelta(seconds=1)) == {
        "payloads": 1,
        "results": len(before["intake.Finding"]),
        "sessions": 0,
    }
    after = everything()
    changed = {label for label in before if before[label] != after[label]}
    assert changed == {"intake.Payload", "intake.Finding", "audit.Entry", "audit.Head"}
    assert after["intake.Payload"] == before["intake.Payload"][1:], "the others are as they were, byte for byte"
    assert after["audit.Entry"][: len(before["audit.Entry"])] == before["audit.Entry"]


@pytest.mark.parametrize(
    ("later", "erased"),
    [(timedelta(0), 0), (timedelta(seconds=1), 1), (DAY + timedelta(seconds=1), 2), (1000 * DAY, 2)],
)
def test_a_period_ends_to_the_second_and_what_waits_is_never_erased(
    three: list[Submission], later: timedelta, erased: int
) -> None:
    assert run(NOW + SEVEN_YEARS + later)["payloads"] == erased
    assert Payload.objects.filter(submission__state=State.PENDING).count() == 1
    assert Submission.objects.count() == 3, "the receipt and the counts remain"


def test_the_proof_can_be_met_by_whoever_holds_a_copy_and_names_nobody(three: list[Submission]) -> None:
    lines = "".join(f"{each.pk} {bytes(each.content_hash).hex()}\n" for each in three[:2])
    at = NOW + SEVEN_YEARS + 2 * DAY
    run(at)
    proof = Entry.objects.get(action="retention.erased", subject="payloads")
    assert proof.facts == {
        "rows": 2,
        "older_than": (at - SEVEN_YEARS).isoformat(),
        "days": 2557,
        "digest": hashlib.sha256(lines.encode()).hexdigest(),
    }
    for each in Entry.objects.filter(action="retention.erased"):
        told = json.dumps([each.subject, each.facts])
        assert PATIENT not in told
        assert not any(submission.institution in told for submission in three)
    assert chain.walk().broken is None


def test_a_second_run_erases_nothing_and_proves_nothing(three: list[Submission]) -> None:
    at = NOW + SEVEN_YEARS + 2 * DAY
    run(at)
    before = everything()
    assert set(run(at).values()) == {0}
    assert everything() == before


def test_a_run_that_fails_erases_nothing_of_that_policy(
    three: list[Submission], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**_: Any) -> None:
        raise RuntimeError("no proof")

    monkeypatch.setattr(chain, "record", refuse)
    with pytest.raises(RuntimeError):
        run(NOW + SEVEN_YEARS + 2 * DAY)
    assert Payload.objects.count() == 3


def test_an_ended_session_goes_and_a_running_one_stays(desk: Desk) -> None:
    for name, end in (("ended", NOW - DAY), ("running", NOW + DAY)):
        Session.objects.create(session_key=name, session_data="", expire_date=end)
    assert run(NOW)["sessions"] == 1
    assert Session.objects.get().session_key == "running"
    proof = Entry.objects.get(action="retention.erased").facts
    assert proof["digest"] == hashlib.sha256(f"{hashlib.sha256(b'ended').hexdigest()}\n".encode()).hexdigest()


def test_what_was_erased_may_be_sent_again(three: list[Submission], desk: Desk) -> None:
    assert not Submission.objects.get(pk=three[0].pk).accepted, "one that came to nothing is checked again"
    run(NOW + SEVEN_YEARS + timedelta(seconds=1))
    assert CSHARP.send(desk, file_of(8))["opCode"] == three[0].receipt
    again = Submission.objects.get(pk=three[0].pk)
    assert again.state == State.PENDING
    assert receiving.content_of(again) == file_of(8).decode("big5").encode()


def test_the_future_is_refused(three: list[Submission]) -> None:
    with pytest.raises(retention.BadPolicies, match="later than now"):
        run(NOW + SEVEN_YEARS + 2 * DAY, now=NOW)
    assert Payload.objects.count() == 3


def test_an_operator_sets_other_periods(three: list[Submission], tmp_path: Path) -> None:
    file = tmp_path / "periods.toml"
    file.write_text('[payloads]\ndays = 1\nchosen = "test"\n')
    assert run(NOW + DAY + timedelta(seconds=1), file=file)["payloads"] == 1


@pytest.mark.parametrize(
    "text",
    ["[payload]\ndays=1", "[payloads]\ndays=-1", "[payloads]\ndays='1'", "[payloads]\nlegal='x'", "payloads=1", "["],
)
def test_a_faulty_file_of_periods_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "periods.toml"
    file.write_text(text)
    with pytest.raises(retention.BadPolicies):
        retention.policies(file)


def test_every_policy_names_its_basis() -> None:
    assert {each.name for each in retention.policies()} == {"payloads", "results", "sessions"}
    assert all(each.legal and each.chosen and each.zh and each.en for each in retention.policies())
