"""Secrets: files for their owner only, and no way into output, logs or lists of processes."""

from __future__ import annotations

import logging
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest
from django.test import Client
from django.urls import reverse
from tests.insurer.portal import people

from nhicard.insurer import serving
from nhicard.insurer.operations import database

PASSWORD: Final = "Not-to-be-told-7"


def nhicard(home: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    own = {"NHICARD_INSURER_HOME": str(home), "NHICARD_LOG_LEVEL": "DEBUG"} | environment
    command = [sys.executable, "-m", "nhicard", *arguments]
    return subprocess.run(command, env=os.environ | own, capture_output=True, text=True, check=False, timeout=120)


@pytest.mark.django_db
def test_keys_are_made_for_their_owner_only(tmp_path: Path, settings: Any) -> None:
    settings.HOME, settings.SECRET_KEY_FILE = tmp_path / "home", tmp_path / "home" / "keys" / "portal-secret"
    assert serving.set_up()
    keys = tmp_path / "home" / "keys"
    modes = {each.name: stat.S_IMODE(each.stat().st_mode) for each in keys.iterdir() if each.name != "root.pem"}
    assert modes == dict.fromkeys(("portal-secret", "root-key.pem", "identifier-keys.json"), 0o600)
    assert {stat.S_IMODE(each.stat().st_mode) for each in (keys, keys.parent)} == {0o700}
    before = settings.SECRET_KEY_FILE.read_bytes()
    assert not serving.set_up()
    assert settings.SECRET_KEY_FILE.read_bytes() == before, "a start later changes no key"


def test_a_database_that_is_away_is_told_without_its_password(tmp_path: Path) -> None:
    url = f"postgresql://nhicard:{PASSWORD}@127.0.0.1:9/nhicard"
    done = nhicard(tmp_path, "db", "check", DATABASE_URL=url, NHICARD_LINE_TOKEN=PASSWORD, NHICARD_SECRET_KEY=PASSWORD)
    assert done.returncode == 2
    assert "cannot be reached" in done.stderr
    assert PASSWORD not in done.stdout + done.stderr


def test_postgresqls_programs_get_the_password_by_their_environment(
    monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    of_server = {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": "n",
        "USER": "u",
        "PASSWORD": PASSWORD,
        "OPTIONS": {},
    }
    monkeypatch.setitem(settings.DATABASES, "default", of_server)
    seen: dict[str, Any] = {}

    def run(command: list[str], env: dict[str, str], **_: Any) -> subprocess.CompletedProcess[str]:
        seen.update(command=command, env=env)
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.setenv("NHICARD_PG_DUMP", "pg_dump")
    database._run("pg_dump", "--format=custom")
    assert PASSWORD not in " ".join(seen["command"])
    assert seen["env"]["PGPASSWORD"] == PASSWORD


@pytest.mark.django_db
def test_no_password_or_session_reaches_the_log(
    client: Client, caplog: pytest.LogCaptureFixture, insurer_home: Path
) -> None:
    caplog.set_level(logging.DEBUG)
    user = people.user("officer", password=people.PASSWORD)
    for password in (PASSWORD, people.PASSWORD):
        client.post(reverse("accounts:login"), {"username": user.username, "password": password})
    people.signed_in(client, user)
    assert client.get(reverse("portal:home")).status_code == 200
    told = caplog.text + "".join(repr(record.__dict__) for record in caplog.records)
    session = client.cookies["portal_session"].value
    assert not [secret for secret in (PASSWORD, people.PASSWORD, session) if secret in told]
    assert user.password not in told


def test_settings_dump_no_secret_where_django_reports_an_error(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from django.views.debug import SafeExceptionReporterFilter

    settings.LINE_TOKEN = settings.SECRET_KEY = PASSWORD
    monkeypatch.setitem(settings.DATABASES, "default", dict(settings.DATABASES["default"]) | {"PASSWORD": PASSWORD})
    assert settings.DEBUG is False
    assert PASSWORD not in repr(SafeExceptionReporterFilter().get_safe_settings())
