"""Setting the insurer's services up: tables that fit the models, keys that are made once and kept private."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest

from nhicard.identity.keyring import KeyRing
from nhicard.insurer.registry import authority

NOW = datetime(2026, 3, 2, 9, 30, 15)


def test_the_migrations_say_all_that_the_models_say(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "nhicard.insurer", "makemigrations", "--check", "--dry-run"]
    environment = os.environ | {"NHICARD_INSURER_HOME": str(tmp_path)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "No changes detected"), done.stdout + done.stderr


@pytest.fixture
def keys(tmp_path: Path, settings: object) -> Path:
    settings.HOME = tmp_path  # type: ignore[attr-defined]
    return tmp_path / "keys"


def test_keys_are_made_once_and_only_their_owner_reads_them(keys: Path) -> None:
    assert authority.create(NOW) is True
    made = {path.name: path.read_bytes() for path in keys.iterdir()}
    assert set(made) == {authority.KEYS, authority.ROOT_KEY, authority.ROOT}
    assert authority.create(NOW) is False
    assert {path.name: path.read_bytes() for path in keys.iterdir()} == made
    for name in (authority.KEYS, authority.ROOT_KEY):
        assert stat.S_IMODE((keys / name).stat().st_mode) == 0o600
    assert stat.S_IMODE(keys.stat().st_mode) == 0o700


def test_visits_of_the_year_before_find_a_key(keys: Path) -> None:
    authority.create(NOW)
    ring = KeyRing.load(keys / authority.KEYS)
    assert ring.at(datetime(2025, 1, 1)) is not None
    assert ring.at(NOW) is not None


@pytest.mark.parametrize("lost", ["certificate", "key"])
def test_a_root_that_was_made_by_half_is_made_anew(keys: Path, monkeypatch: pytest.MonkeyPatch, lost: str) -> None:
    def power_cut(path: Path, content: bytes) -> None:
        raise OSError("power cut")

    with monkeypatch.context() as patch:
        target, name = (Path, "write_bytes") if lost == "certificate" else (authority, "write_private")
        patch.setattr(target, name, power_cut)
        with pytest.raises(OSError, match="power cut"):
            authority.create(NOW)
    assert authority.create(NOW) is True
    whole = authority.authority()
    assert whole.root.public_key() == whole.root_key.public_key()
