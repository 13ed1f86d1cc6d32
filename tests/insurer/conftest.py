"""A data centre with its registers, and the cards that talk to it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from tests.insurer.desk import CLINIC, NOW, PATIENT, Card, Desk, newly_opened

from nhicard.insurer.audit.models import Entry
from nhicard.insurer.registry import authority, models


@pytest.fixture(scope="session", autouse=True)
def quick_passwords() -> None:
    """A hash that is meant to be slow is a fifth of a second for each user that a test makes."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(scope="module", autouse=True)
def nothing_is_left(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """What a module leaves in the database, the next would stumble over: whichever that is."""
    yield
    with django_db_blocker.unblock():
        if Entry._meta.db_table not in connection.introspection.table_names():
            return  # no test that was asked for uses the database
        assert not Entry.objects.exists(), "left in the audit log"
        assert not models.Institution.objects.exists(), "left in the register"


@pytest.fixture
def insurer_home(tmp_path: Path, settings: Any) -> Path:
    settings.HOME = tmp_path
    settings.TEST_CARDS = True
    authority.create(NOW)
    return tmp_path


@pytest.fixture
def desk(db: None, insurer_home: Path, client: Client, monkeypatch: pytest.MonkeyPatch) -> Desk:
    return newly_opened(client, monkeypatch)


@pytest.fixture
def clinic(desk: Desk) -> models.Institution:
    return models.Institution.objects.get(code=CLINIC)


@pytest.fixture
def patient(desk: Desk) -> models.InsuredPerson:
    return models.InsuredPerson.objects.get(id_no=PATIENT)


@pytest.fixture
def virtual(desk: Desk) -> Card:
    """The patient's virtual card, in the patient's phone."""
    return desk.issue("VHC", idNo=PATIENT, name="測試病患甲", birthday="0790101", sex="M")
