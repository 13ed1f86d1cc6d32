"""``nhicard db``, ``worker --once`` and ``cloud-sam`` as an operator calls them, each on a home of its own."""

from __future__ import annotations

import shutil
import sqlite3
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tests.cli.homes import Home, environment_of

# --- db -----------------------------------------------------------------------------------------------------


def test_upgrade_makes_what_is_missing_for_its_owner_only(empty: Home) -> None:
    assert "cannot be reached" in empty.refused("db", "check")
    empty.well("db", "upgrade")
    assert "in order" in empty.well("db", "check")
    private = [empty.file, *(empty.folder / "keys" / name for name in ("root-key.pem", "identifier-keys.json"))]
    assert [path.stat().st_mode & 0o777 for path in private] == [0o600] * 3
    before = [path.read_bytes() for path in private[1:]]
    empty.well("db", "upgrade")
    assert [path.read_bytes() for path in private[1:]] == before


def test_check_finds_upgrades_that_wait(empty: Home) -> None:
    empty.folder.mkdir()
    assert "nhicard db upgrade" in empty.refused("db", "check")


def test_check_finds_files_that_are_damaged(filled: Home) -> None:
    with filled.file.open("r+b") as file:
        file.seek(filled.file.stat().st_size - 40_000)
        file.write(b"\xff" * 40_000)
    assert "restore a backup" in filled.refused("db", "check")
    filled.file.write_bytes(b"no database" * 1000)
    assert "restore a backup" in filled.refused("db", "check")


def test_a_backup_brings_exactly_its_rows_back(either: Home, tmp_path: Path) -> None:
    file = tmp_path / "backups of march #1?" / "monday"
    kept = either.rows()
    assert len(kept["intake_payload"]) == 2
    either.well("db", "backup", file)
    assert file.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in file.parent.iterdir()] == ["monday"]
    either.well("worker", "--once")
    assert either.rows() != kept
    either.well("db", "restore", "--yes", file)
    assert either.rows() == kept
    assert "in order" in either.well("db", "check")


def test_a_backup_restores_into_a_new_home(filled: Home, tmp_path: Path) -> None:
    filled.well("db", "backup", tmp_path / "backup")
    other = Home(tmp_path / "other", environment_of(tmp_path / "other", ""))
    other.well("db", "restore", "--yes", tmp_path / "backup")
    assert other.rows() == filled.rows()
    assert other.file.stat().st_mode & 0o777 == 0o600


def test_a_backup_replaces_a_damaged_database(filled: Home, tmp_path: Path) -> None:
    kept = filled.rows()
    filled.well("db", "backup", tmp_path / "backup")
    filled.file.write_bytes(b"no database" * 1000)
    filled.file.with_name(f"{filled.file.name}-wal").write_bytes(b"of the old one")
    filled.well("db", "restore", "--yes", tmp_path / "backup")
    assert filled.rows() == kept


def test_a_backup_while_others_write_is_one_moment_of_the_database(filled: Home, tmp_path: Path) -> None:
    """Each transaction writes a pair of rows: a backup never holds half of one."""
    with closing(sqlite3.connect(filled.file)) as connection:
        connection.execute("CREATE TABLE pair (number INTEGER, half TEXT)")
    ended = threading.Event()

    def write() -> None:
        with closing(sqlite3.connect(filled.file, timeout=20)) as connection:
            number = 0
            while not ended.is_set():
                number += 1
                with connection:
                    connection.execute("INSERT INTO pair VALUES (?, 'first')", (number,))
                    connection.execute("INSERT INTO pair VALUES (?, 'second')", (number,))
                ended.wait(0.002)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        filled.well("db", "backup", tmp_path / "backup")
    finally:
        ended.set()
        writer.join()
    with closing(sqlite3.connect(tmp_path / "backup")) as backup, closing(sqlite3.connect(filled.file)) as live:
        halves, highest = backup.execute("SELECT count(*), max(number) FROM pair").fetchone()
        assert halves == 2 * highest > 0
        assert live.execute("SELECT max(number) FROM pair").fetchone()[0] >= highest
        assert backup.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def _no_database(file: Path) -> None:
    file.write_bytes(b"no database" * 1000)


def _empty_file(file: Path) -> None:
    file.touch()


def _anothers(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE something (it TEXT)")


def _torn(file: Path) -> None:
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2])


def _flipped(file: Path) -> None:
    content = file.read_bytes()
    half = len(content) // 2
    file.write_bytes(content[:half] + bytes(60_000) + content[half + 60_000 :])


DAMAGES = [_no_database, _empty_file, _torn, _flipped, _anothers, Path.mkdir, lambda _: None]


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_is_no_backup_replaces_nothing(filled: Home, tmp_path: Path, damage: Any) -> None:
    before = filled.rows()
    file = tmp_path / "backup"
    if damage in (_torn, _flipped):
        shutil.copy(filled.file, file)
    damage(file)
    assert str(file) in filled.refused("db", "restore", "--yes", file)
    assert filled.rows() == before
    assert [path.name for path in filled.folder.glob("*restoring*")] == []


def test_a_damaged_dump_replaces_nothing(either: Home, tmp_path: Path) -> None:
    before = either.rows()
    either.well("db", "backup", tmp_path / "backup")
    _torn(tmp_path / "backup")
    either.refused("db", "restore", "--yes", tmp_path / "backup")
    assert either.rows() == before


def test_a_database_in_use_is_not_replaced(filled: Home, tmp_path: Path) -> None:
    filled.well("db", "backup", tmp_path / "backup")
    filled.well("worker", "--once")
    before = filled.rows()
    with closing(sqlite3.connect(filled.file)) as service:
        service.execute("SELECT count(*) FROM intake_submission").fetchone()
        assert "stop the services" in filled.refused("db", "restore", "--yes", tmp_path / "backup")
    assert filled.rows() == before


def test_restore_asks_first(filled: Home, tmp_path: Path) -> None:
    filled.well("db", "backup", tmp_path / "backup")
    filled.well("worker", "--once")
    before = filled.rows()
    assert filled.run("db", "restore", tmp_path / "backup").returncode == 1
    assert filled.rows() == before


def test_a_backup_of_nothing_leaves_no_half_of_one(empty: Home, tmp_path: Path) -> None:
    file = tmp_path / "backup"
    assert "no database" in empty.refused("db", "backup", file)
    assert not file.exists()
    assert not empty.file.exists()


def test_a_backup_overwrites_nothing(filled: Home, tmp_path: Path) -> None:
    file = tmp_path / "backup"
    file.write_bytes(b"of last year")
    assert "exists already" in filled.refused("db", "backup", file)
    assert file.read_bytes() == b"of last year"
    assert str(file) in filled.refused("db", "backup", file / "below a file")


# --- worker -------------------------------------------------------------------------------------------------

OUTCOME = """
from nhicard.insurer.intake.models import Submission
print([(s.state, s.records, s.accepted) for s in Submission.objects.order_by("id")])
"""


def test_the_worker_checks_what_waits_and_ends(either: Home) -> None:
    assert "Checked: 2" in either.well("worker", "--once")
    assert either.python(OUTCOME).strip() == "[('checked', 1, 0), ('checked', 0, 0)]"
    assert (either.folder / "worker.heartbeat").exists()
    assert "Checked: 0" in either.well("worker", "--once")


# --- cloud-sam ----------------------------------------------------------------------------------------------


def test_applications_are_listed_and_decided_once(filled: Home) -> None:
    listed = filled.well("cloud-sam", "list")
    assert all(word in listed for word in ("3501200000", "2026-03-02 09:30", "審核中"))
    assert "approved" in filled.well("cloud-sam", "decide", "1", "--approve")
    assert "可下載" in filled.well("cloud-sam", "list")
    assert "decided already" in filled.refused("cloud-sam", "decide", "1", "--refuse")
    assert "no application 2" in filled.refused("cloud-sam", "decide", "2", "--refuse")
    assert "可下載" in filled.well("cloud-sam", "list")


LOGGED = """
from nhicard.insurer.audit.models import Entry
print([(each.actor, each.action) for each in Entry.objects.order_by("number")])
"""


def test_what_is_decided_here_is_in_the_audit_log(filled: Home) -> None:
    filled.well("cloud-sam", "decide", "1", "--approve")
    filled.refused("cloud-sam", "decide", "1", "--refuse")
    filled.well("cloud-sam", "revoke", "S12345678901")
    actor = "nhicard cloud-sam"
    assert filled.python(LOGGED).strip().endswith(f"{[(actor, 'cloud_sam.approved'), (actor, 'sam.revoked')]}"[1:])


def test_an_application_may_be_refused(filled: Home) -> None:
    filled.refused("cloud-sam", "decide", "1")  # neither way
    filled.well("cloud-sam", "decide", "1", "--refuse")
    assert "未核准" in filled.well("cloud-sam", "list")


REVOKED = """
from nhicard.insurer.registry.models import SecurityModule
print(SecurityModule.objects.get().revoked_at)
"""


def test_a_sam_is_revoked_once(filled: Home) -> None:
    assert "no SAM S00000000000" in filled.refused("cloud-sam", "revoke", "S00000000000")
    assert filled.python(REVOKED).strip() == "None"
    filled.well("cloud-sam", "revoke", "S12345678901")
    first = filled.python(REVOKED).strip()
    assert first != "None"
    filled.well("cloud-sam", "revoke", "S12345678901")
    assert filled.python(REVOKED).strip() == first


@pytest.mark.parametrize("command", [("list",), ("decide", "1", "--approve"), ("revoke", "S12345678901")], ids=str)
def test_without_tables_the_remedy_is_told(empty: Home, command: tuple[str, ...]) -> None:
    empty.folder.mkdir()
    assert "nhicard db upgrade" in empty.refused("cloud-sam", *command)
