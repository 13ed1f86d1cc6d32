"""Uploads from the browser: kept, only checked, refused, seen by nobody else."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from tests.insurer.intake.clients import VISIT20, a_file, worker
from tests.insurer.portal import people

from nhicard.insurer import clock
from nhicard.insurer.audit.models import Entry
from nhicard.insurer.intake.models import Submission
from nhicard.insurer.intake.services import receiving

NEW, LIST = "/portal/uploads/new", "/portal/uploads/"
CLINIC = VISIT20["M05"]
FILE = a_file(VISIT20)


@pytest.fixture
def clerk(db: None, client: Client, insurer_home: Any) -> Client:
    return people.signed_in(client, people.user("clerk", institution=people.institution(CLINIC)))


def send(client: Client, content: bytes = FILE, kind: str = "A2", **more: str) -> Any:
    return client.post(NEW, {"kind": kind, "file": SimpleUploadedFile("visits.xml", content), **more})


def test_a_file_is_kept_checked_and_shown(clerk: Client) -> None:
    sent = send(clerk)
    (submission,) = Submission.objects.all()
    assert (sent.status_code, sent["Location"]) == (302, f"/portal/uploads/{submission.pk}")
    assert (submission.institution, submission.channel, submission.sam) == (CLINIC, "vpn", "")
    assert receiving.content_of(submission) == FILE
    waiting = clerk.get(sent["Location"]).content.decode()
    assert "檢核中" in waiting
    assert 'hx-trigger="every 2s"' in waiting
    worker().once()
    page = clerk.get(sent["Location"]).content.decode()
    assert "已檢核" in page
    assert "hx-trigger" not in page
    assert "退件" in page
    assert VISIT20["M03"] not in page, "the pages of uploads show no person"
    assert submission.receipt.strip() in page
    assert "2.0 預檢" in clerk.get(LIST).content.decode()


def test_the_same_file_again_is_the_same_upload(clerk: Client) -> None:
    first = send(clerk)
    later = clock.now() + timedelta(seconds=5)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(clock, "now", lambda: later)
        again = send(clerk)
        assert again["Location"] == first["Location"]
        assert "先前已上傳" in clerk.get(again["Location"]).content.decode()
    assert Submission.objects.count() == 1


def test_a_preview_keeps_nothing(clerk: Client) -> None:
    page = send(clerk, preview="1").content.decode()
    assert "檢核預覽" in page
    assert "錯誤統計" in page
    assert not Submission.objects.exists()
    assert not Entry.objects.filter(action="upload.sent").exists()


@pytest.mark.parametrize(
    ("content", "kind", "told"),
    [(b"PK\x03\x04", "A2", "ZIP"), (FILE, "B1", "2.0 格式"), (b"no xml", "A2", "XML")],
    ids=["zip", "other edition", "no xml"],
)
def test_a_preview_says_what_is_no_upload(clerk: Client, content: bytes, kind: str, told: str) -> None:
    assert told in send(clerk, content, kind, preview="1").content.decode()


def test_what_is_missing_is_said_beside_its_field(clerk: Client) -> None:
    answer = clerk.post(NEW, {"kind": "X9"})
    page = answer.content.decode()
    assert answer.status_code == 422
    assert 'id="kind-fault"' in page
    assert 'id="file-fault"' in page
    empty = send(clerk, b"")
    assert (empty.status_code, Submission.objects.count()) == (422, 0)


def test_the_script_gets_the_address_and_the_page_the_message(clerk: Client) -> None:
    sent = clerk.post(
        NEW, {"kind": "A2", "file": SimpleUploadedFile("v.xml", FILE)}, headers={"x-requested-with": "progress"}
    )
    assert sent.status_code == 201
    assert "檔案已收下" in clerk.get(sent["Location"]).content.decode()


def test_downloads_are_audited_and_only_of_ready_results(clerk: Client) -> None:
    address = send(clerk)["Location"]
    assert clerk.get(f"{address}/result.zip").status_code == 404
    worker().once()
    assert clerk.get(f"{address}/result.zip").content.startswith(b"PK")
    text = clerk.get(f"{address}/errors.csv").content.decode("utf-8-sig")
    assert text.startswith("record,order,field,code")
    assert VISIT20["M03"] not in text
    actions = list(Entry.objects.order_by("number").values_list("action", flat=True))
    assert actions[-3:] == ["upload.sent", "result.downloaded", "errors.downloaded"]


def test_other_institutions_and_roles_see_nothing(clerk: Client, insurer_home: Any) -> None:
    address = send(clerk)["Location"]
    stranger = people.signed_in(Client(), people.user("clerk", institution=people.institution("3501200019")))
    for path in (address, f"{address}/result.zip", f"{address}/errors.csv"):
        assert stranger.get(path).status_code == 404
    assert "2.0 預檢</td>" not in stranger.get(LIST).content.decode()
    officer = people.signed_in(Client(), people.user("officer", division=1))
    assert officer.get(LIST).status_code == 403
    assert Client().get(LIST).status_code == 302


def test_the_pages_speak_english(clerk: Client) -> None:
    clerk.post("/portal/language", {"language": "en", "next": LIST})
    assert "Upload a file" in clerk.get(LIST).content.decode()
