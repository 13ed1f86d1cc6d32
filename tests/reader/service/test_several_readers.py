"""Several readers, several programs at once, and cards that come and go while they are read."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tests.reader.service import wire
from tests.reader.service.room import NEIGHBOUR, PATIENT, PIN, Json, Room

PROGRAMS, CALLS = 6, 8
PATIENCE = 60  # seconds until a test says that somebody waits for somebody for ever

# What another process does with the reader: put one card in, then the other, take it out, over and over.
COMES_AND_GOES = """
import sys
from pathlib import Path
from nhicard.reader.devices.slots import Slots
slots, cards, times = Slots(Path(sys.argv[1])), [Path(each) for each in sys.argv[3:]], int(sys.argv[2])
print("ready", flush=True)
for _ in range(times):
    for card in cards:
        slots.insert("Slot 3", card)
    slots.remove("Slot 3")
slots.insert("Slot 3", cards[0])
"""


def at_once(act: Callable[[], Json], *, times: int = CALLS, programs: int = PROGRAMS) -> list[Json]:
    """What several programs are answered that make the same call over and over."""
    with ThreadPoolExecutor(programs) as threads:
        calling = [threads.submit(lambda: [act() for _ in range(times)]) for _ in range(programs)]
        return [reply for program in calling for reply in program.result(timeout=PATIENCE)]


def test_of_two_patient_cards_the_one_in_the_named_reader_is_read(room: Room) -> None:
    room.insert(2, "neighbour")
    for name, holder in (("Slot 2", NEIGHBOUR), ("Slot 3", PATIENT), ("COM2", NEIGHBOUR)):
        room.opened(name)
        blocks = at_once(lambda: room.local("POST", wire.SIGN_HC, {"serviceType": "01"}), times=2)
        assert {block["hcIdNo"] for block in blocks} == {holder}
        assert room.local("GET", wire.BASIC_DATA)["idCardNum"] == holder
        room.local("POST", wire.FINALIZE)
    room.opened("Slot 2")
    room.remove(2)
    assert room.local("POST", wire.SIGN_HC, {"serviceType": "01"})["hcIdNo"] == PATIENT


def test_many_signatures_at_once_are_all_good_and_all_different(room: Room) -> None:
    room.opened(staff=PIN)
    replies = at_once(lambda: room.signed("HpcHc", "01", "/api/v1/Prescription/Query"))
    assert Counter(reply["statusCode"] for reply in replies) == {0: PROGRAMS * CALLS}


def test_every_kind_of_call_at_once_ends(room: Room) -> None:
    """Nobody waits for somebody who waits for him."""
    room.opened(staff=PIN)
    acts: list[Callable[[], Any]] = [
        lambda: room.local("GET", wire.STATUS),
        lambda: room.local("GET", "/api/common/v1/Devices"),
        lambda: room.local("POST", wire.VERIFY_SAM),
        lambda: room.local("POST", wire.SIGN_HPC_HC, {"serviceType": "01"}),
        lambda: room.local("DELETE", wire.HC_LOGOUT),
        lambda: room.local("GET", wire.BASIC_DATA),
    ]
    with ThreadPoolExecutor(len(acts)) as threads:
        calling = [threads.submit(act) for act in acts * CALLS]
        replies = [each.result(timeout=PATIENCE) for each in calling]
    assert {reply["statusCode"] for reply in replies} == {0}


def test_cards_that_come_and_go_are_never_mixed_up(room: Room) -> None:
    room.opened()
    owner = {room.number("patient"): PATIENT, room.number("neighbour"): NEIGHBOUR}
    cards = [str(room.card(name)) for name in ("patient", "neighbour")]
    arguments = [sys.executable, "-c", COMES_AND_GOES, str(room.home.slots), "150", *cards]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as somebody:
        assert somebody.stdout
        assert somebody.stdout.readline() == "ready\n"
        replies: list[Json] = []
        while somebody.poll() is None or not replies:
            replies += at_once(lambda: _asked_whose(room), times=2, programs=3)
    assert somebody.returncode == 0
    seen = Counter(reply["statusCode"] for reply in replies)
    assert set(seen) <= {0, 1102}
    assert seen[0]
    for reply in replies:
        if reply["statusCode"] == 0:
            assert owner[reply["cardSn"]] == reply["idCardNum"]
    assert _asked_whose(room)["idCardNum"] == PATIENT


def _asked_whose(room: Room) -> Json:
    return room.signed("Hc", "01", "/api/v1/BasicData/Query")
