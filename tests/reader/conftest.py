"""A consulting room for tests; the insurer and all cards are made once and copied for each test."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.db import connections

from nhicard.insurer import clock as insurers_clock
from nhicard.insurer.registry import authority
from nhicard.reader.datacentre import DataCentre
from nhicard.reader.devices.slots import Slots
from nhicard.reader.home import Home
from tests import tables
from tests.reader.service.room import CENTRE_URL, NOW, Clock, Insurer, Room, issue_all, served

_DATABASE = "insurer.sqlite3"


def _work_in(folder: Path, patch: pytest.MonkeyPatch) -> None:
    """Let the data centre keep its database and keys in the folder; connections made from now on go there."""
    patch.setattr(django_settings, "HOME", folder, raising=False)
    patch.setattr(django_settings, "TEST_CARDS", True, raising=False)
    patch.setitem(connections.settings["default"], "NAME", folder / _DATABASE)


@pytest.fixture(scope="session")
def _threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(8, thread_name_prefix="insurer") as threads:
        yield threads


@pytest.fixture(scope="session")
def _made(
    tmp_path_factory: pytest.TempPathFactory, _threads: ThreadPoolExecutor, django_db_blocker: Any
) -> tuple[Path, Path]:
    """A new insurer's folder, and one with all cards that it certified."""
    insurer_home, cards = tmp_path_factory.mktemp("insurer"), tmp_path_factory.mktemp("cards")
    insurer = Insurer(_threads)
    with pytest.MonkeyPatch.context() as patch, django_db_blocker.unblock():
        patch.setattr(insurers_clock, "now", lambda: NOW)
        _work_in(insurer_home, patch)
        shutil.copyfile(tables.sqlite_file(), insurer_home / _DATABASE)
        authority.create(NOW)
        centre = DataCentre(CENTRE_URL, transport=insurer)
        issue_all(cards, centre.post)
        centre.close()
    return insurer_home, cards


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The time, at the reader as at the data centre."""
    moving = Clock()
    monkeypatch.setattr(insurers_clock, "now", moving.now)
    return moving


@pytest.fixture
def insurer(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    _made: tuple[Path, Path],
    _threads: ThreadPoolExecutor,
    django_db_blocker: Any,
) -> Iterator[Insurer]:
    """The data centre, which knows all cards and no visit."""
    shutil.copytree(_made[0], tmp_path / "insurer")
    with django_db_blocker.unblock():
        _work_in(tmp_path / "insurer", monkeypatch)
        yield Insurer(_threads)


@pytest.fixture
def home(tmp_path: Path, _made: tuple[Path, Path]) -> Home:
    """A machine with all cards, those of SAM, physician and patient in its three readers."""
    place = Home(tmp_path / "reader")
    shutil.copytree(_made[1], place.cards)
    slots = Slots(place.slots)
    for number, card in enumerate(("sam", "physician", "patient"), start=1):
        slots.insert(f"Slot {number}", place.cards / f"{card}.json")
    return place


@pytest.fixture
def room(home: Home, insurer: Insurer, clock: Clock) -> Iterator[Room]:
    """The control software on that machine, not yet initialised."""
    with served(home, insurer, clock) as room:
        yield room
