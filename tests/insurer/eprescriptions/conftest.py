"""A clinic and two pharmacies whose programs are connected."""

from __future__ import annotations

from typing import Any

import pytest
from tests.insurer.eprescriptions.programs import Clock, Program, program


@pytest.fixture(autouse=True)
def quick_passwords(settings: Any) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


@pytest.fixture
def clinic(db: None, at: Clock) -> Program:
    return program("clinic").connect()


@pytest.fixture
def pharmacy(db: None, at: Clock) -> Program:
    return program("pharmacy").connect()


@pytest.fixture
def other_pharmacy(db: None, at: Clock) -> Program:
    return program("pharmacy").connect()
