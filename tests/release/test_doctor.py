"""``nhicard doctor``: each check on a sound installation, and on one where that very thing is broken."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import string
import subprocess
import sys
import zoneinfo
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import pytest
import typst
from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.recorder import MigrationRecorder
from django.db.utils import ConnectionHandler

from nhicard.doctor import machine, secrets, service
from nhicard.doctor.examination import CHECKS, examine
from nhicard.doctor.findings import Level, exit_code, finding, texts
from nhicard.doctor.installation import Installation
from nhicard.formats import rocdate
from nhicard.formats.rocdate import TAIPEI
from nhicard.identity import tls
from nhicard.identity.keyring import KeyRing
from nhicard.insurer.intake.kinds import Channel
from nhicard.insurer.intake.models import Payload, State, Submission
from nhicard.insurer.registry import authority
from nhicard.insurer.registry.models import Institution, ListVersion
from nhicard.insurer.secrecy import payloads
from nhicard.insurer.secrecy.ring import SecretRing

Patch = pytest.MonkeyPatch
Broken = Callable[[Installation, Patch], Installation | None]
_CHECKS: Final = {check.name: check for check in CHECKS}
_YEARS: Final = timedelta(days=365 * 30)


@pytest.fixture
def sound(db: None, tmp_path: Path, settings: Any) -> Iterator[Installation]:
    """An installation in order: keys, certificate, lists, a worker at work."""
    settings.HOME = tmp_path / "home"
    now = rocdate.now()
    authority.create(now)
    tls.ensure(settings.HOME / "https", "test", ["localhost"], now)
    Institution.objects.create(code="3501200000", name="測試診所")
    ListVersion.objects.create(name="institutions", loaded_at=now, source="test", digest="0" * 64, rows=1, content=b"")
    _stored(now)
    _beat(settings.HOME, now)
    yield Installation(settings.HOME, now, connection)
    zoneinfo.reset_tzpath()


def _beat(home: Path, moment: datetime) -> None:
    file = home / "worker.heartbeat"
    file.touch()
    seconds = moment.replace(tzinfo=TAIPEI).timestamp()
    os.utime(file, (seconds, seconds))


def _received(moment: datetime, **facts: Any) -> Submission:
    return Submission.objects.create(
        receipt=f"R{moment:%Y%m%d%H%M%S}{len(facts)}", institution="3501200000", channel=Channel.WEB_API, kind="A1",
        content_hash=bytes(32), size=1, received_at=moment, **facts,
    )  # fmt: skip


def _stored(moment: datetime) -> None:
    """An upload of another kind that was checked, sealed under the keys of this home."""
    of = _received(moment, sam="S00000000001", state=State.CHECKED)
    Payload.objects.create(submission=of, content=payloads.sealed(b"a payload", of.pk))


def _elsewhere(**settings: Any) -> BaseDatabaseWrapper:
    """Another database than that of the tests."""
    return ConnectionHandler({"default": settings})["default"]


def _sqlite(file: Path) -> BaseDatabaseWrapper:
    return _elsewhere(ENGINE="django.db.backends.sqlite3", NAME=file)


def _with_journal(mode: str) -> Broken:
    def breaks(where: Installation, _: Patch) -> Installation:
        file = where.home / "insurer.sqlite3"
        with closing(sqlite3.connect(file)) as made:
            made.execute(f"PRAGMA journal_mode={mode}")
            made.execute("CREATE TABLE t (n)")
        return replace(where, database=_sqlite(file))

    return breaks


def _with_large_log(where: Installation, patch: Patch) -> Installation:
    broken = _with_journal("WAL")(where, patch)
    assert broken
    with broken.database.cursor() as cursor:
        cursor.execute("INSERT INTO t VALUES (1)")
    patch.setattr(service, "_LARGE_LOG", 1000)
    return broken


def _without_zone(_: Installation, patch: Patch) -> None:
    zoneinfo.reset_tzpath(to=[])
    patch.setitem(sys.modules, "tzdata", None)


def _a_file_for_home(where: Installation, _: Patch) -> Installation:
    (where.home / "file").touch()
    return replace(where, home=where.home / "file")


def _free(gib: float) -> Broken:
    return lambda where, patch: patch.setattr(
        machine, "shutil", SimpleNamespace(disk_usage=lambda _: shutil._ntuple_diskusage(0, 0, int(gib * 2**30)))
    )


def _unlink(path: str) -> Broken:
    return lambda where, _: (where.home / path).unlink()


def _expose(path: str) -> Broken:
    return lambda where, _: (where.home / path).chmod(0o644)


def _damage(path: str) -> Broken:
    def breaks(where: Installation, _: Patch) -> None:
        (where.home / path).write_bytes(b"not what it was")

    return breaks


def _a_ring_of_tomorrow(where: Installation, _: Patch) -> None:
    KeyRing.new(where.now + timedelta(days=1)).save(where.home / "keys" / authority.KEYS)


def _of_another_key(where: Installation, _: Patch) -> None:
    other = tls.ensure(where.home / "other", "test", ["localhost"], where.now)
    other.certificate.replace(where.home / "https" / "https.pem")


def _other_payload_keys(where: Installation, _: Patch) -> None:
    file = where.home / "keys" / payloads.KEYS
    file.unlink()
    SecretRing.new().create(file)


def _later(**span: int) -> Broken:
    return lambda where, _: replace(where, now=where.now + timedelta(**span))


def _with_an_upload_of_the_future(where: Installation, _: Patch) -> None:
    _received(where.now + timedelta(minutes=10))


def _clock_of_the_database(**span: int) -> Broken:
    def breaks(where: Installation, patch: Patch) -> None:
        patch.setitem(service._CLOCKS, where.database.vendor, lambda _, now: now + timedelta(**span))

    return breaks


def _garbage(where: Installation, _: Patch) -> Installation:
    (where.home / "insurer.sqlite3").write_bytes(b"no database at all" * 100)
    return replace(where, database=_sqlite(where.home / "insurer.sqlite3"))


def _no_server(where: Installation, _: Patch) -> Installation:
    options = {"HOST": "127.0.0.1", "PORT": "1", "NAME": "none", "USER": "none"}
    return replace(where, database=_elsewhere(ENGINE="django.db.backends.postgresql", **options))


def _one_upgrade_back(_: Installation, patch: Patch) -> None:
    recorder = MigrationRecorder(connection)
    recorder.record_unapplied("taxes", max(name for app, name in recorder.applied_migrations() if app == "taxes"))


def _queue(waiting: timedelta, silence: timedelta | None) -> Broken:
    """An upload that waits; the worker's last turn, or none ever."""

    def breaks(where: Installation, _: Patch) -> None:
        _received(where.now - waiting)
        if silence is None:
            (where.home / "worker.heartbeat").unlink()
        else:
            _beat(where.home, where.now - silence)

    return breaks


#: What is broken, by what the doctor then says.
BROKEN: Final[list[tuple[str, Broken]]] = [
    ("python.old", lambda _, patch: patch.setattr(machine, "sys", SimpleNamespace(version_info=(3, 10, 1)))),
    ("packages.missing", lambda _, p: p.setattr("importlib.metadata.requires", lambda _: ["no-such-package>=1"])),
    ("zone.missing", _without_zone),
    ("fonts.missing", lambda _, p: p.setattr(typst, "Fonts", partial(typst.Fonts, include_system_fonts=False))),
    ("home.absent", lambda where, _: replace(where, home=where.home / "nowhere")),
    ("home.closed", _a_file_for_home),
    ("disk.little", _free(2)),
    ("disk.full", _free(0.5)),
    ("keys.absent", _unlink("keys/identifier-keys.json")),
    ("keys.exposed", _expose("keys/identifier-keys.json")),
    ("keys.damaged", _damage("keys/identifier-keys.json")),
    ("keys.ended", _a_ring_of_tomorrow),
    ("root.absent", _unlink("keys/root.pem")),
    ("root.exposed", _expose("keys/root-key.pem")),
    ("root.damaged", _damage("keys/root.pem")),
    ("root.ending", lambda where, _: replace(where, now=where.now + _YEARS - timedelta(days=10))),
    ("root.expired", lambda where, _: replace(where, now=where.now + _YEARS + timedelta(days=1))),
    ("https.absent", _unlink("https/https.pem")),
    ("https.exposed", _expose("https/https-key.pem")),
    ("https.damaged", _damage("https/https-key.pem")),
    ("https.damaged", _of_another_key),
    ("https.ending", _later(days=380)),
    ("https.expired", _later(days=400)),
    ("database.absent", lambda where, _: replace(where, database=_sqlite(where.home / "nowhere.sqlite3"))),
    ("database.unreachable", _garbage),
    ("database.unreachable", _no_server),
    ("upgrades.behind", _one_upgrade_back),
    ("upgrades.ahead", lambda *_: MigrationRecorder(connection).record_applied("intake", "9999_of_a_later_version")),
    ("payload_keys.absent", _unlink("keys/payload-keys.json")),
    ("payload_keys.exposed", _expose("keys/payload-keys.json")),
    ("payload_keys.damaged", _damage("keys/payload-keys.json")),
    ("payload_keys.wrong", _other_payload_keys),
    ("journal.other", _with_journal("DELETE")),
    ("journal.large", _with_large_log),
    ("clock.off", _clock_of_the_database(minutes=10)),
    ("clock.off", _clock_of_the_database(minutes=-10)),
    ("clock.behind", _with_an_upload_of_the_future),
    ("lists.none", lambda *_: ListVersion.objects.all().delete() and None),
    ("lists.no_institutions", lambda *_: Institution.objects.all().delete() and None),
    ("worker.silent", _unlink("worker.heartbeat")),
    ("worker.silent", _later(minutes=10)),
    ("worker.stopped", _queue(timedelta(minutes=1), None)),
    ("worker.stopped", _queue(timedelta(minutes=1), timedelta(minutes=10))),
    ("worker.late", _queue(timedelta(minutes=20), timedelta(seconds=1))),
]  # fmt: skip


def test_a_sound_installation_is_in_order(sound: Installation) -> None:
    found = examine(sound)
    assert [(each.name, each.level) for each in found if each.level is not Level.ok] == []
    assert len(found) == len(CHECKS)
    assert exit_code(found) == 0


@pytest.mark.parametrize(("name", "breaks"), BROKEN, ids=[name for name, _ in BROKEN])
def test_what_is_broken_is_found(name: str, breaks: Broken, sound: Installation, monkeypatch: Patch) -> None:
    check = _CHECKS[name.partition(".")[0]]
    assert check.examine(sound).level is Level.ok
    where = breaks(sound, monkeypatch) or sound
    try:
        found = check.examine(where)
    finally:
        if where.database is not connection:
            where.database.close()
    assert found.name == name
    assert "{" not in "".join(found.told().values())


def test_where_nothing_was_sealed_no_key_is_missed(sound: Installation) -> None:
    Payload.objects.all().delete()
    (sound.home / "keys" / payloads.KEYS).unlink()
    assert secrets.payload_keys(sound).name == "payload_keys.unneeded"


def test_asking_does_not_make_a_database(sound: Installation) -> None:
    file = sound.home / "nowhere.sqlite3"
    service.database(replace(sound, database=_sqlite(file)))
    assert not file.exists()


def test_a_write_ahead_log_in_use_is_in_order(sound: Installation, monkeypatch: Patch) -> None:
    where = _with_journal("WAL")(sound, monkeypatch)
    assert where
    assert service.journal(where).name == "journal.ok"
    where.database.close()


def test_every_finding_is_broken_above_or_in_order() -> None:
    in_order = {name for name, text in texts().items() if text.level in {Level.ok, Level.unknown}}
    assert {name for name, _ in BROKEN} | in_order | {"settings.unusable"} == set(texts())


@pytest.mark.parametrize("name", texts())
def test_what_is_wrong_has_a_remedy_in_both_languages(name: str) -> None:
    text = texts()[name]
    assert text.zh
    assert text.en
    wrong = text.level in {Level.warning, Level.failure}
    assert (bool(text.do_zh), bool(text.do_en)) == (wrong, wrong)
    assert _facts(text.zh) == _facts(text.en)


def _facts(words: str) -> set[str]:
    return {field for _, field, _, _ in string.Formatter().parse(words) if field}


def test_what_rests_on_something_broken_is_not_examined(sound: Installation) -> None:
    found = examine(replace(sound, home=sound.home / "nowhere"))
    told = {check.name: each.name for check, each in zip(CHECKS, found, strict=True)}
    unexamined = {name for name, says in told.items() if says == "unexamined"}
    assert unexamined == {"disk", "keys", "root", "https", "payload_keys", "worker"}
    assert exit_code(found) == 2


def test_a_check_rests_on_checks_before_it() -> None:
    for number, check in enumerate(CHECKS):
        assert set(check.rests_on) <= {each.name for each in CHECKS[:number]}


@pytest.mark.parametrize(
    ("names", "code"),
    [(["keys.ok"], 0), (["journal.ok", "lists.none"], 1), (["lists.none", "database.absent"], 2), ([], 0)],
)
def test_exit_codes(names: list[str], code: int) -> None:
    assert exit_code(finding(name) for name in names) == code


def test_fonts_are_those_of_the_templates() -> None:
    assert machine.wanted_fonts('#set text(font: ("甲", "B C"), size: 8pt)') == ["甲", "B C"]


def _doctor(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "nhicard", "doctor", *arguments]
    return subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, check=False)


def test_the_command_says_what_to_do_and_changes_nothing(tmp_path: Path) -> None:
    done = _doctor("--home", str(tmp_path / "home"), DATABASE_URL="")
    assert done.returncode == 2, done.stderr
    assert "✗ 資料庫檔" in done.stdout
    assert "→ A new system: run nhicard db upgrade." in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_settings_that_cannot_be_used_are_told_without_the_password(tmp_path: Path) -> None:
    done = _doctor("--format", "json", DATABASE_URL="nosuch://user:a-password@host/name")
    told = json.loads(done.stdout)
    assert (done.returncode, told["exit_code"]) == (2, 2)
    assert [each["finding"] for each in told["findings"]] == ["settings.unusable"]
    assert "a-password" not in done.stdout + done.stderr
