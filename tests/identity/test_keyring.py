"""The insurer's keys: spans without gaps, files that nobody else reads, nothing that shows a key."""

from __future__ import annotations

import base64
import json
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from nhicard.identity.keyring import BadKeyRing, Key, KeyRing
from nhicard.identity.private_files import PrivateFileExposed, read_private, write_private

START, ROTATION = datetime(2020, 1, 1), datetime(2024, 1, 1)
SECRET = bytes(range(32))
SHOWN = (SECRET.hex(), base64.b64encode(SECRET).decode(), str(SECRET))


@contextmanager
def widest_umask() -> Iterator[None]:
    before = os.umask(0)
    try:
        yield
    finally:
        os.umask(before)


# ---- spans ----


def test_rotation_ends_one_span_where_the_next_begins() -> None:
    ring = KeyRing.new(START).rotated(ROTATION)
    old, new = ring
    assert (old.version, old.since, old.until) == (1, START, ROTATION)
    assert (new.version, new.since, new.until) == (2, ROTATION, None)
    assert old.secret != new.secret
    second = timedelta(seconds=1)
    assert [key and key.version for key in map(ring.at, (START - second, START, ROTATION - second, ROTATION))] == [
        None, 1, 1, 2,
    ]  # fmt: skip


def test_rotation_keeps_old_keys_as_they_are() -> None:
    ring = KeyRing.new(START)
    again = ring.rotated(ROTATION).rotated(datetime(2025, 1, 1))
    assert [key.version for key in again] == [1, 2, 3]
    assert next(iter(again)).secret == next(iter(ring)).secret


@pytest.mark.parametrize("at", [START, START - timedelta(days=1)])
def test_a_key_cannot_be_rotated_before_it_began(at: datetime) -> None:
    with pytest.raises(BadKeyRing, match="must begin after"):
        KeyRing.new(START).rotated(at)


@pytest.mark.parametrize(
    "keys",
    [
        (),
        (Key(1, START, None, SECRET), Key(2, ROTATION, None, SECRET)),
        (Key(1, START, ROTATION - timedelta(seconds=1), SECRET), Key(2, ROTATION, None, SECRET)),
        (Key(1, START, ROTATION + timedelta(seconds=1), SECRET), Key(2, ROTATION, None, SECRET)),
        (Key(2, START, ROTATION, SECRET), Key(2, ROTATION, None, SECRET)),
    ],
    ids=["none", "first never ends", "gap", "overlap", "same version"],
)
def test_rings_with_gaps_or_overlaps_are_refused(keys: tuple[Key, ...]) -> None:
    with pytest.raises(BadKeyRing) as refused:
        KeyRing(keys)
    assert not any(shown in str(refused.value) for shown in SHOWN)


def test_each_purpose_and_each_version_has_a_key_of_its_own() -> None:
    one, two = Key(1, START, None, SECRET), Key(1, START, None, SECRET[::-1])
    assert one.derive("visit identifier") == one.derive("visit identifier")
    assert one.derive("visit identifier") != one.derive("prescription signature")
    assert one.derive("visit identifier") != two.derive("visit identifier")
    assert SECRET not in one.derive("visit identifier", 64)
    assert one.signing_key.private_numbers() == Key(9, ROTATION, None, SECRET).signing_key.private_numbers()
    assert one.signing_key.private_numbers() != two.signing_key.private_numbers()


def test_nothing_printed_shows_a_key() -> None:
    key = Key(1, START, None, SECRET)
    ring = KeyRing((key,))
    for told in (repr(key), str(key), f"{ring}", repr(ring), repr([ring])):
        assert "version=1" in told
        assert not any(shown in told for shown in SHOWN)


# ---- the key file ----


def test_a_saved_ring_is_loaded_again(tmp_path: Path) -> None:
    ring = KeyRing.new(START).rotated(ROTATION)
    path = tmp_path / "insurer" / "keys.json"
    with widest_umask():
        ring.save(path)
    assert KeyRing.load(path) == ring
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in path.parent.iterdir()] == ["keys.json"]


@pytest.mark.skipif(os.name != "posix", reason="other systems have no such modes")
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o610])
def test_an_exposed_file_is_refused(mode: int, tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    KeyRing.new(START).save(path)
    path.chmod(mode)
    with pytest.raises(PrivateFileExposed, match=r"chmod 600.*keys\.json may be read by others"):
        KeyRing.load(path)


ENTRY = {"version": 1, "since": "2020-01-01T00:00:00", "until": None, "secret": base64.b64encode(SECRET).decode()}
DAMAGED = {
    "empty": "",
    "no JSON": json.dumps({"keys": [ENTRY]})[:-3],
    "another object": json.dumps({"kets": [ENTRY]}),
    "a list": json.dumps([ENTRY]),
    "keys no list": json.dumps({"keys": 1}),
    "an entry no object": json.dumps({"keys": [ENTRY["secret"]]}),
    "no secret": json.dumps({"keys": [{name: value for name, value in ENTRY.items() if name != "secret"}]}),
    "secret no base64": json.dumps({"keys": [{**ENTRY, "secret": str(ENTRY["secret"])[:-1] + "é"}]}),
    "since no time": json.dumps({"keys": [{**ENTRY, "since": ENTRY["secret"]}]}),
    "version no number": json.dumps({"keys": [{**ENTRY, "version": ENTRY["secret"]}]}),
    "no keys": json.dumps({"keys": []}),
    "gap": json.dumps({"keys": [ENTRY, {**ENTRY, "version": 2}]}),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_file_is_told_without_its_content(name: str, tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    write_private(path, DAMAGED[name].encode())
    with pytest.raises(BadKeyRing) as refused:
        KeyRing.load(path)
    error: BaseException | None = refused.value
    while error is not None:
        assert not any(shown in str(error) for shown in SHOWN)
        error = None if error.__suppress_context__ else error.__context__


def test_bytes_that_are_no_text_are_told(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    write_private(path, b"\xff\xfe" + SECRET)
    with pytest.raises(BadKeyRing, match="is no key file"):
        KeyRing.load(path)


# ---- private files ----


def test_a_private_file_is_replaced_and_never_widened(tmp_path: Path) -> None:
    path = tmp_path / "image"
    path.write_bytes(b"old")
    path.chmod(0o644)
    with widest_umask():
        write_private(path, b"new")
    assert read_private(path) == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_new_folder_is_private_too(tmp_path: Path) -> None:
    with widest_umask():
        write_private(tmp_path / "keys" / "image", b"x")
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o700


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "image"
    write_private(path, b"old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_private(path, b"new")
    monkeypatch.undo()
    assert read_private(path) == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["image"]


def test_a_missing_file_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_private(tmp_path / "keys.json")
