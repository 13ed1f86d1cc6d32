"""Upgrading with a real reader: control software, cards and data centre on real sockets."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.reader.client import sockets
from tests.reader.conftest import _made, _threads, clock, home, insurer, room
from tests.reader.service.room import CLINIC, NEXT_PATIENT, NOW, PATIENT, Room

from nhicard.checks import Context
from nhicard.formats import build
from nhicard.institution.upgrading import upgrade
from nhicard.reader.client import Reader
from nhicard.reader.service import serving

__all__ = ["_made", "_threads", "clock", "home", "insurer", "room"]  # fixtures


@pytest.fixture
def reader(room: Room) -> Iterator[Reader]:
    """A client whose session is open, with the patient's card inserted."""
    https = serving.certificate(room.home)
    with (
        sockets.centre() as centre,
        sockets.reader(room.app, https) as local,
        Reader(centre, local, reader_ca=https.certificate) as client,
    ):
        client.open()
        yield client


def test_the_data_centre_gives_the_identifiers_that_it_can(room: Room, reader: Reader) -> None:
    tap = reader.tap("01")
    plain = {"A00": "1", "A14": CLINIC, "A17": tap.time, "A19": "1", "A23": "01"}
    visits = [
        plain | {"A01": "1", "A12": PATIENT, "A18": tap.sequence},
        plain | {"A01": "1", "A12": NEXT_PATIENT, "A18": "0001"},
        plain | {"A01": "2", "A12": NEXT_PATIENT, "A18": "C001"},
        plain | {"A01": "1", "A12": PATIENT, "A18": "0009", "A17": "1150101080000"},
    ]
    room.clock.later(seconds=1)
    told = upgrade(build("1.0", [(visit, []) for visit in visits]), reader, Context(as_of=NOW))
    with_card, without_card, cardless, unknown = told.batch.visits["M15"]
    assert with_card == tap.identifier
    assert without_card is None
    assert len(cardless) == 20
    assert cardless != tap.identifier
    assert unknown is None
    assert told.answers["state"].to_list() == ["obtained", "not asked", "obtained", "refused"]
    assert told.answers["status"][3] is not None
    assert told.missing.filter(field="M15")["record"].to_list() == [2, 4]
