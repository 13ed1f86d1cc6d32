"""The clock of claims stands at one moment unless a test moves it."""

from __future__ import annotations

from typing import Any

import pytest
from tests.insurer.claims.offices import NOW

from nhicard.insurer import clock


@pytest.fixture
def office(db: None, insurer_home: Any, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setattr(clock, "now", lambda: NOW)
    return monkeypatch
