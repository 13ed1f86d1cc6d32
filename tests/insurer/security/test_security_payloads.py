"""Raw payloads at rest: sealed, bound to their submission, readable through every change of keys."""

from __future__ import annotations

import json
import random
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest
from tests.insurer.desk import Desk
from tests.insurer.intake.clients import CSHARP, VISIT20, a_file, worker

from nhicard.identity.private_files import PrivateFileExposed
from nhicard.insurer.audit.models import Entry
from nhicard.insurer.intake.models import Payload, State, Submission
from nhicard.insurer.intake.services import receiving
from nhicard.insurer.secrecy import envelope, payloads, rotation
from nhicard.insurer.secrecy.envelope import MAGIC, OVERHEAD, Tampered, WrongKey
from nhicard.insurer.secrecy.ring import BadRing, SecretRing

FILES: Final = [a_file(VISIT20 | {"M11": f"11503020{number:02d}000"}) for number in range(8, 13)]
PLACE: Final = b"payload 7"

pytestmark = pytest.mark.django_db


def send(desk: Desk, *contents: bytes) -> list[Submission]:
    for content in contents:
        assert CSHARP.send(desk, content)["rtnCode"] == "0000"
    return list(Submission.objects.order_by("pk"))


def stored(submission: Submission) -> bytes:
    return bytes(Payload.objects.get(pk=submission.pk).content)


def versions() -> list[int]:
    return [envelope.version_of(bytes(each.content)) for each in Payload.objects.order_by("pk")]


@pytest.mark.parametrize("size", [0, 1, 15, 16, 17, 100_000])
def test_what_is_sealed_opens_as_it_was(size: int) -> None:
    content, ring = random.Random(size).randbytes(size), SecretRing.new()
    sealed = envelope.seal(ring, content, PLACE)
    assert envelope.opened(ring, sealed, PLACE) == content
    assert len(sealed) == size + OVERHEAD
    assert size < 15 or content not in sealed
    assert envelope.seal(ring, content, PLACE) != sealed, "a fresh key and nonces every time"


def test_a_change_of_any_byte_is_found() -> None:
    ring = SecretRing.new()
    sealed = envelope.seal(ring, b"content", PLACE)
    for place in range(len(sealed)):
        for wrong in (sealed[:place] + bytes([sealed[place] ^ 1]) + sealed[place + 1 :], sealed[:place]):
            with pytest.raises((Tampered, WrongKey)):
                envelope.opened(ring, wrong, PLACE)
    with pytest.raises(Tampered):
        envelope.opened(ring, sealed, b"payload 8")


def test_a_stored_upload_is_sealed_and_is_checked_as_before(desk: Desk) -> None:
    (submission,) = send(desk, FILES[0])
    assert stored(submission).startswith(MAGIC)
    assert receiving.content_of(submission) == FILES[0].decode("big5").encode()
    assert worker().once() == 1
    assert Submission.objects.get().state == State.CHECKED


def test_the_payload_of_another_submission_is_no_payload_of_this_one(desk: Desk) -> None:
    first, second = send(desk, *FILES[:2])
    Payload.objects.filter(pk=first.pk).update(content=stored(second))
    with pytest.raises(Tampered):
        receiving.content_of(first)


def test_the_keys_are_in_a_private_file_and_not_in_the_database(desk: Desk, insurer_home: Path) -> None:
    (submission,) = send(desk, FILES[0])
    file = insurer_home / "keys" / payloads.KEYS
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert payloads.ring().keys[1] not in stored(submission)
    assert "keys=" not in repr(payloads.ring())
    file.chmod(0o640)
    with pytest.raises(PrivateFileExposed, match="chmod 600"):
        SecretRing.load(file)


def test_a_rotation_leaves_every_upload_readable_under_one_new_key(desk: Desk) -> None:
    everything = send(desk, *FILES)
    before = receiving.contents_of(everything)
    assert versions() == [1] * 5
    assert rotation.rotate(desk.now) == rotation.Rotated(2, 5)
    assert versions() == [2] * 5
    assert receiving.contents_of(everything) == before
    assert Entry.objects.filter(action="payloads.rotated").latest("number").facts == {"version": 2, "payloads": 5}
    send(desk, a_file(VISIT20, VISIT20))
    assert versions() == [2] * 6
    assert rotation.counts() == {"current": 6, "others": 0}


def test_a_rotation_that_was_broken_off_is_taken_up_without_another_key(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    everything = send(desk, *FILES)
    before = receiving.contents_of(everything)
    monkeypatch.setattr(rotation, "_AT_ONCE", 2)

    def break_off(done: int) -> None:
        if done == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rotation.rotate(desk.now, break_off)
    assert versions() == [2, 2, 2, 2, 1]
    assert receiving.contents_of(everything) == before, "old and new are read beside one another"
    assert rotation.rotate(desk.now) == rotation.Rotated(2, 1)
    assert receiving.contents_of(everything) == before


def test_a_key_that_was_added_seals_nothing_before_the_rotation(desk: Desk) -> None:
    send(desk, FILES[0])
    assert rotation.add_key() == 2
    send(desk, FILES[1])
    assert versions() == [1, 1]
    assert rotation.rotate(desk.now) == rotation.Rotated(2, 2)


def test_what_was_stored_before_there_were_keys_is_read_until_it_is_sealed(desk: Desk) -> None:
    (submission,) = send(desk, FILES[0])
    content = receiving.content_of(submission)
    plain = receiving.packed(content)
    Payload.objects.update(content=plain)
    assert receiving.content_of(submission) == content
    assert rotation.rotate(desk.now) == rotation.Rotated(1, 1)
    assert receiving.content_of(submission) == content
    Payload.objects.update(content=plain)
    with pytest.raises(Tampered, match="must be sealed"):
        receiving.content_of(submission)


def with_another_key(file: Path) -> None:
    SecretRing.new().save(file)


def without_the_version(file: Path) -> None:
    ring = SecretRing.new()
    SecretRing({9: ring.keys[1]}, 9).save(file)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (with_another_key, "put back the right key file"),
        (without_the_version, "The key file has no key 1"),
        (Path.unlink, "restore it from a backup"),
    ],
)
def test_without_its_key_an_upload_waits_and_the_trouble_is_said(
    desk: Desk, insurer_home: Path, change: Callable[[Path], None], says: str
) -> None:
    (submission,) = send(desk, FILES[0])
    file = insurer_home / "keys" / payloads.KEYS
    right = file.read_bytes()
    change(file)
    with pytest.raises(WrongKey, match=says):
        receiving.content_of(submission)
    works = worker()
    with pytest.raises(WrongKey):
        works.once()
    file.unlink(missing_ok=True)
    SecretRing.load(_restored(file, right))
    assert works.once() == 1, "no try was used up"
    assert Submission.objects.get().state == State.CHECKED


def _restored(file: Path, content: bytes) -> Path:
    file.touch(mode=0o600)
    file.write_bytes(content)
    return file


def test_a_lost_key_file_is_not_replaced_by_a_new_one(desk: Desk, insurer_home: Path) -> None:
    send(desk, FILES[0])
    (insurer_home / "keys" / payloads.KEYS).unlink()
    reply = CSHARP.send(desk, FILES[1])
    assert reply["rtnCode"] == "9999"
    assert not (insurer_home / "keys" / payloads.KEYS).exists()
    assert Submission.objects.count() == 1


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"[]", b'{"current": 1, "plain": true, "keys": {"1": "AAAA"}}', b'{"current":2,"keys":{}}']
)
def test_a_damaged_key_file_is_told(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(BadRing, match="no usable key file"):
        SecretRing.load(_restored(tmp_path / "ring.json", content))


def test_the_second_of_two_processes_takes_the_first_ones_keys(tmp_path: Path) -> None:
    file = tmp_path / "keys" / "ring.json"
    first = SecretRing.new()
    first.create(file)
    with pytest.raises(FileExistsError):
        SecretRing.new().create(file)
    assert SecretRing.load(file) == first
    assert [each.name for each in file.parent.iterdir()] == ["ring.json"]
    assert set(json.loads(file.read_text())) == {"current", "plain", "keys"}
