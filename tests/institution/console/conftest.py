"""Passwords of the tests cost next to nothing: signing in is done hundreds of times."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from nhicard.institution.console import secrets

COST = dict(secrets._COST)


@pytest.fixture(scope="session", autouse=True)
def _cheap_passwords() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(secrets, "_COST", {"n": 2, "r": 8, "p": 1})
        yield


@pytest.fixture
def real_cost(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """What a password costs outside the tests."""
    monkeypatch.setattr(secrets, "_COST", COST)
    return COST
