"""Card readers by PC/SC, end to end: pyscard, pcscd, Debian's virtual reader, and simulated cards in it.

pcscd needs root to be started; one that runs already is used as it is. The virtual reader has two slots, on two
ports, and each takes one card: a lock file lets one test process at a time have them.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.reader.cards.card_factory import HOLDERS, key_pair, make_card

from nhicard.identity.signature_block import PinState
from nhicard.reader.cards import operations as op
from nhicard.reader.cards.apdu import CardRemoved
from nhicard.reader.cards.applet import SimulatedCard
from nhicard.reader.cards.applications import Kind
from nhicard.reader.cards.file_lock import locked
from nhicard.reader.devices import Devices, find_devices, vpcd
from nhicard.reader.devices.device import Device, DeviceGone, DeviceKind, NoCard
from nhicard.reader.devices.pcsc import PcscDevice, PcscReaders

SOCKET = Path("/run/pcscd/pcscd.comm")
DRIVER = Path("/usr/lib/pcsc/drivers/serial/libifdvpcd.so")
NAMES = ["Virtual PCD 00 00", "Virtual PCD 00 01"]
PATIENCE = 20  # seconds until a test gives up waiting for the service
PCSCD = shutil.which("pcscd", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
MISSING = [
    what
    for what, there in {
        "pyscard": importlib.util.find_spec("smartcard") is not None,
        "pcscd": SOCKET.exists() or PCSCD is not None,
        "the virtual reader (vsmartcard-vpcd)": DRIVER.exists(),
        "root, to start pcscd": SOCKET.exists() or (hasattr(os, "geteuid") and os.geteuid() == 0),
    }.items()
    if not there
]
needs_pcsc = pytest.mark.skipif(bool(MISSING), reason=f"missing: {', '.join(MISSING)}")
PIN = {"pin": "1357", "puk": "24681357"}


def wait_for(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.02)


def names() -> list[str]:
    return [device.name for device in PcscReaders().devices()]


class Service:
    """pcscd in the foreground, unless one is running already."""

    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.process = subprocess.Popen([PCSCD or "pcscd", "--foreground", "--critical"], stdout=subprocess.DEVNULL)
        wait_for(lambda: set(NAMES) <= set(names()), "the virtual reader")

    def stop(self) -> None:
        if self.process:
            self.process.terminate()
            self.process.wait(PATIENCE)
            self.process = None


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    with locked(Path(tempfile.gettempdir()) / "nhicard-virtual-reader.lock"):
        service = Service()
        readers = PcscReaders()
        readers.devices()
        if "pcscd" in readers.reason:  # not running
            service.start()
        elif not set(NAMES) <= set(names()):
            pytest.skip("the running pcscd has no virtual reader")
        try:
            yield service
        finally:
            service.stop()


class Slot:
    """One slot of the virtual reader, into which a test puts cards."""

    def __init__(self, number: int) -> None:
        self.device = PcscDevice(NAMES[number])
        self._port = vpcd.PORT + number
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def insert(self, path: Path) -> None:
        self._stop.clear()
        arguments = {"card": SimulatedCard(path), "port": self._port, "stop": self._stop}
        self._thread = threading.Thread(target=vpcd.serve, kwargs=arguments, daemon=True)
        self._thread.start()
        wait_for(self.device.card_present, "the card to be there")

    def pull_out(self) -> None:
        self._stop.set()
        if self._thread:
            self._thread.join(PATIENCE)
            self._thread = None

    def remove(self) -> None:
        self.pull_out()
        wait_for(lambda: not self.device.card_present(), "the card to be gone")


@pytest.fixture
def slot(service: Service) -> Iterator[Slot]:
    yield from a_slot(0)


@pytest.fixture
def second_slot(service: Service) -> Iterator[Slot]:
    yield from a_slot(1)


def a_slot(number: int) -> Iterator[Slot]:
    slot = Slot(number)
    yield slot
    slot.device.close()
    slot.remove()


def made(folder: Path, kind: Kind) -> Path:
    folder.mkdir()
    return make_card(folder, kind, **PIN).path


@pytest.fixture
def patient(tmp_path: Path) -> Path:
    return made(tmp_path / "patient", Kind.HC)


@pytest.fixture
def staff(tmp_path: Path) -> Path:
    return made(tmp_path / "staff", Kind.HPC)


def state(device: Device) -> PinState:
    with device.connect() as card:
        return op.sign(card, b"challenge").state


@needs_pcsc
def test_empty_readers_are_listed_before_the_slots(service: Service, tmp_path: Path) -> None:
    devices = Devices(tmp_path, pcsc=True)
    listed = [device for device in devices.list() if device.name in NAMES]
    assert [(device.name, device.kind) for device in listed] == [(name, DeviceKind.PCSC) for name in NAMES]
    assert [device.name for device in devices.list()][-3:] == ["Slot 1", "Slot 2", "Slot 3"]
    assert devices.pcsc_reason == ""
    assert all(new is old for new, old in zip(devices.list(), devices.list(), strict=True))
    for device in listed:
        assert not device.card_present()
        with pytest.raises(NoCard), device.connect():
            pass
    devices.close()


@needs_pcsc
def test_a_card_is_read_verified_pulled_out_and_put_back(slot: Slot, patient: Path) -> None:
    slot.insert(patient)
    with slot.device.connect() as card:
        assert op.read_basic_data(card) == op.BasicData(**HOLDERS[Kind.HC])
        assert op.certificate(card) == key_pair()[1]
        with pytest.raises(op.WrongPin):
            op.verify_pin(card, "0000")
        op.verify_pin(card, PIN["pin"])
    assert state(slot.device) is PinState.VERIFIED  # it stayed in
    with slot.device.connect() as card:
        op.read_basic_data(card)
        slot.pull_out()
        for _ in range(2):
            with pytest.raises(CardRemoved):
                op.read_basic_data(card)
    with pytest.raises(NoCard), slot.device.connect():
        pass
    slot.insert(patient)
    assert state(slot.device) is PinState.NOT_VERIFIED


@needs_pcsc
def test_a_card_exchanged_between_two_calls(slot: Slot, patient: Path, staff: Path) -> None:
    for path, kind in ((patient, Kind.HC), (staff, Kind.HPC), (patient, Kind.HC)):
        slot.insert(path)
        with slot.device.connect() as card:
            assert op.kind_of(card) is kind
            op.verify_pin(card, PIN["pin"])
        slot.remove()
    slot.insert(patient)
    assert state(slot.device) is PinState.NOT_VERIFIED


@needs_pcsc
def test_two_readers_at_once(slot: Slot, second_slot: Slot, patient: Path, staff: Path) -> None:
    slot.insert(patient)
    second_slot.insert(staff)
    with slot.device.connect() as one, second_slot.device.connect() as other:
        assert op.read_basic_data(one).number == HOLDERS[Kind.HC]["number"]
        assert op.read_staff_member(other).name == HOLDERS[Kind.HPC]["name"]
        op.verify_pin(other, PIN["pin"])
        assert (op.sign(one, b"1").state, op.sign(other, b"1").state) == (PinState.NOT_VERIFIED, PinState.VERIFIED)


@needs_pcsc
def test_threads_take_turns_at_one_reader(slot: Slot, patient: Path) -> None:
    slot.insert(patient)
    with ThreadPoolExecutor(4) as pool:
        states = list(pool.map(lambda _: state(slot.device), range(12)))
    assert states == [PinState.NOT_VERIFIED] * 12


@needs_pcsc
def test_a_card_that_another_program_reset_is_spoken_to_again(slot: Slot, patient: Path) -> None:
    slot.insert(patient)
    other, third = (PcscDevice(slot.device.name) for _ in range(2))
    with slot.device.connect() as card:
        op.verify_pin(card, PIN["pin"])
    assert state(other) is PinState.VERIFIED  # one card, one session
    assert state(third) is PinState.VERIFIED
    third.close()  # resets the card
    assert state(slot.device) is PinState.NOT_VERIFIED
    with slot.device.connect() as card:
        op.verify_pin(card, PIN["pin"])
    assert state(other) is PinState.VERIFIED  # it saw the reset, and did not reset the card again
    other.close()


@needs_pcsc
def test_a_reader_that_is_not_there(service: Service) -> None:
    device = PcscDevice("No such reader")
    assert not device.card_present()
    with pytest.raises(DeviceGone), device.connect():
        pass


@needs_pcsc
def test_the_service_stops_and_starts_again(service: Service, slot: Slot, patient: Path, tmp_path: Path) -> None:
    if not service.process:
        pytest.skip("pcscd was running before the tests: it is left alone")
    slot.insert(patient)
    devices = Devices(tmp_path, pcsc=True)
    assert {device.name for device in devices.list()} > set(NAMES)
    with slot.device.connect() as card:
        op.verify_pin(card, PIN["pin"])
        service.stop()
        with pytest.raises((DeviceGone, CardRemoved)):
            op.read_basic_data(card)
    with pytest.raises(DeviceGone), slot.device.connect():
        pass
    assert not slot.device.card_present()
    assert [device.name for device in devices.list()] == ["Slot 1", "Slot 2", "Slot 3"]
    assert "pcscd" in devices.pcsc_reason
    service.start()
    slot.pull_out()
    slot.insert(patient)
    assert state(slot.device) is PinState.NOT_VERIFIED
    assert {device.name for device in devices.list()} > set(NAMES)
    devices.close()


def test_without_the_library_there_are_slots_and_a_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "smartcard.scard", None)
    devices = Devices(tmp_path, pcsc=True)
    assert [device.name for device in devices.list()] == ["Slot 1", "Slot 2", "Slot 3"]
    assert "pyscard" in devices.pcsc_reason
    assert find_devices(tmp_path, pcsc=False)
