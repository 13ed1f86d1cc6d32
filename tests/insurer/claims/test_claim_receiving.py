"""What is taken in, what is refused and why, the same file once, and what the worker does with trouble."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
import pyzipper
from tests.insurer.claims import offices
from tests.insurer.claims.offices import NOW
from tests.insurer.intake.clients import worker
from tests.insurer.portal import people

from nhicard.formats.claims import write
from nhicard.insurer.claims import archives, heads
from nhicard.insurer.claims.heads import NoClaim
from nhicard.insurer.claims.models import ClaimFile, ClaimFinding, ClaimMonth, State
from nhicard.insurer.claims.services import checking, queue, receiving

pytestmark = pytest.mark.usefixtures("office")


def take_in(content: bytes, name: str = "TOTFA.xml") -> receiving.Received:
    place = offices.institution()
    return receiving.receive(place, name, content, people.user("clerk", institution=place), NOW)


def official(*, code: str = "", month: str = "11504", kind: str = "1", period: str = "3") -> str:
    return f"{code or offices.code_of(offices.claims())}11{month}{kind}{period}B.zip"


def test_what_was_received_is_kept_as_it_came() -> None:
    content = write(offices.claims())
    received = take_in(content)
    assert received.is_new
    assert receiving.content_of(received.file) == content
    assert ClaimMonth.objects.get().state == State.RECEIVED


def test_plain_or_packed_the_same_file_is_one() -> None:
    content = write(offices.claims())
    first = take_in(content)
    again = take_in(offices.zipped(content), official())
    assert (again.file, again.is_new, again.again) == (first.file, False, False)
    assert ClaimFile.objects.count() == 1


def test_a_file_that_was_not_accepted_is_checked_again_when_sent_anew() -> None:
    made = offices.claims()
    content = write(made)
    assert offices.sent(content).state == State.REJECTED
    assert ClaimFinding.objects.exists()
    offices.upload_visits(made)
    again = take_in(content)
    assert (again.is_new, again.again, ClaimFinding.objects.count()) == (False, True, 0)
    assert checking.work(NOW) == 1
    again.file.refresh_from_db()
    assert (again.file.state, ClaimMonth.objects.get().items) == (State.COMPLETED, ["A", "B"])
    assert take_in(content).again is False, "a good one is not checked again"


def doctype() -> bytes:
    content = write(offices.claims())
    return content.replace(b"<outpatient>", b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]><outpatient>', 1)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"no xml", "no_claim"),
        (b"<RECS></RECS>", "no_claim"),
        (b"<outpatient><tdata><t3>11504</t3><t5>9</t5></tdata></outpatient>", "no_type"),
        (b"<outpatient><tdata><t3>11513</t3><t5>1</t5></tdata></outpatient>", "no_month"),
        (b"<other><tdata><t3>11504</t3><t5>1</t5></tdata></other>", "no_claim"),
        (b"<outpatient><tdata><t2>3501200019</t2><t3>11504</t3><t5>1</t5></tdata>", "other_institution"),
        (b"<outpatient>" + b" " * 70_000 + b"<tdata></tdata>", "no_claim"),
    ],
    ids=["text", "visits", "type", "month", "root", "another's", "far away"],
)
def test_what_is_no_claim_of_ours_is_refused_and_nothing_kept(content: bytes, reason: str) -> None:
    with pytest.raises(NoClaim) as refused:
        take_in(content)
    assert (refused.value.reason, ClaimFile.objects.exists(), ClaimMonth.objects.exists()) == (reason, False, False)


def test_a_document_type_is_refused() -> None:
    with pytest.raises(NoClaim, match="no_claim"):
        take_in(doctype())


def encrypted(content: bytes) -> bytes:
    packed = io.BytesIO()
    with pyzipper.AESZipFile(packed, "w", encryption=pyzipper.WZ_AES) as archive:
        archive.setpassword(b"A123456789")
        archive.writestr("TOTFA.xml", content)
    return packed.getvalue()


def lying(content: bytes, size: int) -> bytes:
    """An archive whose directory says that the member is small."""
    packed = bytearray(content)
    place = packed.rfind(b"PK\x01\x02")
    packed[place + 24 : place + 28] = size.to_bytes(4, "little")
    return bytes(packed)


HOSTILE: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "two members": (lambda xml: offices.archive({"a.xml": xml, "b.xml": xml}), "zip_members"),
    "none": (lambda _: offices.archive({}), "no_claim"),
    "a folder": (lambda _: offices.archive({"a/": b""}), "zip_members"),
    "encrypted": (encrypted, "zip_members"),
    "a bomb": (lambda _: offices.zipped(b"0" * 50_000_000), "zip_bomb"),
    "an archive in it": (lambda xml: offices.zipped(offices.zipped(xml)), "no_claim"),
    "broken": (lambda xml: offices.zipped(xml)[:-200], "zip_broken"),
    "one that lies": (lambda xml: lying(offices.zipped(xml), 10), "zip_broken"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_archives_are_refused(case: str) -> None:
    make, reason = HOSTILE[case]
    with pytest.raises(NoClaim) as refused:
        take_in(make(write(offices.claims())), official())
    assert (refused.value.reason, ClaimFile.objects.exists()) == (reason, False)


def test_a_member_that_goes_on_for_ever_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "LARGEST_UPLOAD", 5000)
    content = offices.zipped(bytes(range(256)) * 40)
    with zipfile.ZipFile(io.BytesIO(content)) as archive, pytest.raises(NoClaim, match="zip_bomb"):
        archives._bounded(archive, archive.infolist()[0])


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"code": "3501200019"}, "zip_other"),
        ({"month": "11503"}, "zip_other"),
        ({"kind": "2"}, "zip_other"),
        ({"kind": "4", "period": "0"}, "zip_appeal"),
        ({"kind": "5", "period": "0"}, "zip_appeal"),
        ({"code": "12"}, "zip_name"),
    ],
    ids=str,
)
def test_the_name_of_an_archive_must_be_the_official_one_and_agree(said: dict[str, str], reason: str) -> None:
    with pytest.raises(NoClaim, match=reason):
        take_in(offices.zipped(write(offices.claims())), official(**said))


@pytest.mark.parametrize(
    ("first", "last", "part"),
    [("1150401", "1150415", "11"), ("1150416", "1150430", "12"), ("1150401", "1150430", "13"), ("", "", "13")],
)
def test_the_days_claimed_tell_the_period(first: str, last: str, part: str) -> None:
    content = offices.with_totals(offices.claims(), first_day=first, last_day=last)
    assert heads.head(content).part == part


def test_the_worker_checks_what_waits_one_at_a_time_and_does_not_rest_between() -> None:
    made = offices.claims()
    offices.sent(write(made), check=False)
    offices.sent(offices.without_identifiers(made), check=False)
    works = worker(as_of=NOW)
    assert [works.once() for _ in range(3)] == [1, 1, 0]
    assert not ClaimFile.objects.filter(state__in=["received", "checking"]).exists()


def test_a_worker_that_was_too_slow_writes_nothing() -> None:
    file = offices.sent(write(offices.claims()), check=False)
    slow = queue.take(NOW)
    assert slow
    found = checking.checked(receiving.content_of(slow), slow)
    assert queue.take(NOW + timedelta(seconds=30)) is None, "it is being checked"
    quick = queue.take(NOW + timedelta(minutes=2))
    assert quick
    assert checking.settle(quick, found, NOW)
    assert not checking.settle(slow, found, NOW)
    file.refresh_from_db()
    assert (file.tries, ClaimFinding.objects.count()) == (2, found.frame.height)


def test_a_file_that_cannot_be_checked_is_set_aside_after_three_tries(monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(*_: object) -> checking.Checked:
        raise ZeroDivisionError

    file = offices.sent(write(offices.claims()), check=False)
    monkeypatch.setattr(checking, "checked", breaks)
    assert [checking.work(NOW) for _ in range(4)] == [1, 1, 1, 0]
    file.refresh_from_db()
    assert (file.state, file.trouble, ClaimMonth.objects.get().state) == ("set-aside", "ZeroDivisionError", "set-aside")


def test_what_only_begins_like_a_claim_is_rejected_with_a_sentence() -> None:
    place = offices.code_of(offices.claims())
    head = f"<outpatient><tdata><t1>10</t1><t2>{place}</t2><t3>11504</t3><t5>1</t5></tdata>"
    file = offices.sent(head.encode() + b"<ddata><dhead><d1>01")
    assert (file.state, file.accepted) == (State.REJECTED, 0)
    assert all(each.text_zh and each.text_en for each in file.meanings.all())
    assert file.meanings.exists()


def test_nothing_of_a_claim_is_written_to_a_folder(insurer_home: Path) -> None:
    before = {path.name for path in insurer_home.rglob("*")}
    offices.sent(write(offices.claims()))
    assert {path.name for path in insurer_home.rglob("*")} == before
