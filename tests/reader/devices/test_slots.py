"""Software readers: cards put in and taken out by other programs, and what happens to their sessions."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.reader.cards.card_factory import make_card

from nhicard.identity.signature_block import PinState
from nhicard.reader.cards import operations as op
from nhicard.reader.cards.apdu import CardRemoved
from nhicard.reader.cards.applications import Kind
from nhicard.reader.cards.image import DamagedImage
from nhicard.reader.devices import Devices, find_devices
from nhicard.reader.devices.device import Device, DeviceKind, NoCard
from nhicard.reader.devices.slots import CardElsewhere, Slots, UnknownSlot

PIN = {"pin": "1357", "puk": "24681357"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "slots"


@pytest.fixture
def patient(tmp_path: Path) -> Path:
    return made(tmp_path / "patient", Kind.HC)


@pytest.fixture
def staff(tmp_path: Path) -> Path:
    return made(tmp_path / "staff", Kind.HPC)


def made(folder: Path, kind: Kind) -> Path:
    folder.mkdir()
    return make_card(folder, kind, **PIN).path


def state(device: Device) -> PinState:
    with device.connect() as card:
        return op.sign(card, b"challenge").state


def with_pin_verified(folder: Path) -> Device:
    """The first slot, as the service holds it, after the PIN of the card in it was verified."""
    device = Devices(folder, pcsc=False).list()[0]
    with device.connect() as card:
        op.verify_pin(card, PIN["pin"])
    assert state(device) is PinState.VERIFIED
    return device


def test_three_empty_slots_before_anything_was_made(folder: Path) -> None:
    devices = find_devices(folder, pcsc=False)
    assert [(device.name, device.kind, device.card_present()) for device in devices] == [
        (f"Slot {number}", DeviceKind.SLOT, False) for number in (1, 2, 3)
    ]
    assert Slots(folder).cards() == {"Slot 1": None, "Slot 2": None, "Slot 3": None}
    assert not folder.exists()


def test_cards_inserted_by_another_program(folder: Path, patient: Path, staff: Path) -> None:
    devices = find_devices(folder, pcsc=False)
    terminal = Slots(folder)
    terminal.insert("Slot 1", patient)
    terminal.insert("Slot 3", staff)
    assert terminal.cards() == {"Slot 1": patient, "Slot 2": None, "Slot 3": staff}
    assert [device.card_present() for device in devices] == [True, False, True]
    with devices[0].connect() as card, devices[2].connect() as other:  # several readers at once
        assert (op.kind_of(card), op.kind_of(other)) == (Kind.HC, Kind.HPC)


def again(slots: Slots, patient: Path, _: Path) -> None:
    slots.remove("Slot 1")
    slots.insert("Slot 1", patient)


def reinsert(slots: Slots, patient: Path, _: Path) -> None:
    slots.insert("Slot 1", patient)


def exchange(slots: Slots, patient: Path, staff: Path) -> None:
    slots.insert("Slot 1", staff)
    slots.insert("Slot 1", patient)


def look(slots: Slots, *_: Path) -> None:
    slots.cards()


@pytest.mark.parametrize(
    ("meanwhile", "after"),
    [
        (look, PinState.VERIFIED),
        (again, PinState.NOT_VERIFIED),
        (reinsert, PinState.NOT_VERIFIED),
        (exchange, PinState.NOT_VERIFIED),
    ],
)
def test_a_card_keeps_its_session_while_it_stays(
    meanwhile: Callable[..., None], after: PinState, folder: Path, patient: Path, staff: Path
) -> None:
    Slots(folder).insert("Slot 1", patient)
    device = with_pin_verified(folder)
    meanwhile(Slots(folder), patient, staff)
    assert state(device) is after


def test_a_session_lasts_from_one_look_for_devices_to_the_next(folder: Path, patient: Path) -> None:
    Slots(folder).insert("Slot 1", patient)
    devices = Devices(folder, pcsc=False)
    with devices.list()[0].connect() as card:
        op.verify_pin(card, PIN["pin"])
    assert state(devices.list()[0]) is PinState.VERIFIED


def test_an_empty_slot_has_no_card(folder: Path, patient: Path) -> None:
    slots = Slots(folder)
    slots.insert("Slot 1", patient)
    device = with_pin_verified(folder)
    assert slots.remove("Slot 1")
    assert not slots.remove("Slot 1")
    with pytest.raises(NoCard, match="Slot 1"), device.connect():
        pass
    slots.insert("Slot 1", patient)
    assert state(device) is PinState.NOT_VERIFIED


@pytest.mark.parametrize("meanwhile", [again, exchange, lambda slots, *_: slots.remove("Slot 1")])
def test_a_card_pulled_out_while_spoken_to(
    meanwhile: Callable[..., None], folder: Path, patient: Path, staff: Path
) -> None:
    slots = Slots(folder)
    slots.insert("Slot 1", patient)
    device = find_devices(folder, pcsc=False)[0]
    with device.connect() as card:
        op.read_basic_data(card)
        meanwhile(slots, patient, staff)
        with pytest.raises(CardRemoved, match="Slot 1"):
            op.read_basic_data(card)


def test_a_card_is_in_one_slot_only(folder: Path, patient: Path) -> None:
    slots = Slots(folder)
    slots.insert("Slot 1", patient)
    with pytest.raises(CardElsewhere, match="Slot 1"):
        slots.insert("Slot 2", patient.parent / ".." / patient.parent.name / patient.name)
    assert slots.cards() == {"Slot 1": patient, "Slot 2": None, "Slot 3": None}


@pytest.mark.parametrize("slot", ["Slot 4", "", "slot 1", "../Slot 1"])
def test_unknown_slot(slot: str, folder: Path, patient: Path) -> None:
    with pytest.raises(UnknownSlot, match="Slot 1, Slot 2, Slot 3"):
        Slots(folder).insert(slot, patient)
    with pytest.raises(UnknownSlot):
        Slots(folder).remove(slot)


def test_what_is_no_card_is_not_inserted(folder: Path, patient: Path, tmp_path: Path) -> None:
    slots = Slots(folder)
    slots.insert("Slot 1", patient)
    nonsense = tmp_path / "nonsense.json"
    nonsense.touch(mode=0o600)
    for path, refusal in ((nonsense, DamagedImage), (tmp_path / "nothing.json", FileNotFoundError)):
        with pytest.raises(refusal):
            slots.insert("Slot 1", path)
    assert slots.cards()["Slot 1"] == patient


def truncate(patient: Path, _: Path) -> None:
    patient.write_bytes(b"{")


def lose(patient: Path, _: Path) -> None:
    patient.unlink()


@pytest.mark.parametrize("mishap", [truncate, lose])
def test_a_card_damaged_in_its_slot_cannot_be_used(
    mishap: Callable[[Path, Path], None], folder: Path, patient: Path
) -> None:
    Slots(folder).insert("Slot 1", patient)
    mishap(patient, folder)
    with pytest.raises(NoCard, match="cannot be used"), find_devices(folder, pcsc=False)[0].connect():
        pass


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"null", b'{"image": 5, "token": "x"}', b'{"image": "x"}', b"\xff"]
)
def test_a_slot_file_that_says_nothing_is_an_empty_slot(content: bytes, folder: Path, patient: Path) -> None:
    slots = Slots(folder)
    slots.insert("Slot 1", patient)
    (folder / "Slot 1.json").write_bytes(content)
    device = find_devices(folder, pcsc=False)[0]
    assert not device.card_present()
    with pytest.raises(NoCard), device.connect():
        pass
    slots.insert("Slot 1", patient)
    assert state(device) is PinState.NOT_VERIFIED


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX's")
def test_slots_are_the_owners_alone(folder: Path, patient: Path) -> None:
    Slots(folder).insert("Slot 1", patient)
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in (folder, *folder.iterdir())}
    assert modes == {"slots": 0o700, "Slot 1.json": 0o600, ".lock": 0o600}
