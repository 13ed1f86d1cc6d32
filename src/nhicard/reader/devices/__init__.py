"""Card readers, of metal and of software, behind one protocol (`nhicard.reader.devices.device.Device`)."""

from __future__ import annotations

from pathlib import Path

from nhicard.reader.devices.device import Device
from nhicard.reader.devices.pcsc import PcscReaders
from nhicard.reader.devices.slots import Slots


class Devices:
    """All readers of this machine. Keep it: it holds the sessions of the cards in them."""

    def __init__(self, slots_folder: Path, pcsc: bool) -> None:
        self._slots = Slots(slots_folder)
        self._pcsc = PcscReaders() if pcsc else None

    def list(self) -> list[Device]:
        """The readers there are now, PC/SC first; a reader that stays is the same object at every call."""
        return [*(self._pcsc.devices() if self._pcsc else ()), *self._slots.devices()]

    @property
    def pcsc_reason(self) -> str:
        """Why the last `list` found no PC/SC reader, for the user; empty if it did, or was not to look."""
        return self._pcsc.reason if self._pcsc else ""

    def close(self) -> None:
        """Let go of all cards in PC/SC readers; they forget what was verified."""
        if self._pcsc:
            self._pcsc.close()


def find_devices(slots_folder: Path, pcsc: bool) -> list[Device]:
    """The readers of this machine at this moment. A service keeps a `Devices` instead, for the cards' sessions."""
    return Devices(slots_folder, pcsc).list()
