"""Software readers: a folder with one small file for each slot that holds a card.

The file names the card's image and carries a token, new at each insertion. So a separate program can insert and
remove cards while the service runs, and the service notices even when the same card was taken out and put back.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import RLock
from typing import Final, NamedTuple

from nhicard.identity.private_files import write_private
from nhicard.reader.cards import image
from nhicard.reader.cards.apdu import Card, CardRemoved
from nhicard.reader.cards.applet import SimulatedCard
from nhicard.reader.cards.file_lock import locked
from nhicard.reader.devices.device import DeviceKind, NoCard

DEFAULT_SLOTS: Final = ("Slot 1", "Slot 2", "Slot 3")


class UnknownSlot(ValueError):
    """There is no slot of that name; the message names those that there are."""


class CardElsewhere(ValueError):
    """The card is already in another slot: one card cannot be in two readers."""


class _Insertion(NamedTuple):
    image_path: Path
    token: str


class Slots:
    """The software readers of one folder, which is made when the first card is inserted."""

    def __init__(self, folder: Path, names: Sequence[str] = DEFAULT_SLOTS) -> None:
        self._folder = folder
        self._devices = tuple(SlotDevice(name, folder / f"{name}.json") for name in names)

    def devices(self) -> Sequence[SlotDevice]:
        """The readers, the same objects at every call: they hold the sessions of their cards."""
        return self._devices

    def cards(self) -> dict[str, Path | None]:
        """The image in each slot, by slot name; None where the slot is empty."""
        return {device.name: device.image_path() for device in self._devices}

    def insert(self, slot: str, image_path: Path) -> None:
        """Put a card into a slot, in place of the one that may be there.

        Raises `UnknownSlot`, `CardElsewhere`, and as `nhicard.reader.cards.image.load` for a file that is no card.
        """
        device, image_path = self._device(slot), image_path.resolve()
        image.load(image_path)
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with locked(self._folder / ".lock"):
            others = {name for name, path in self.cards().items() if path == image_path} - {slot}
            if others:
                raise CardElsewhere(f"這張卡片已在 {', '.join(others)}。The card is in {', '.join(others)} already.")
            device.put(_Insertion(image_path, secrets.token_hex(8)))

    def remove(self, slot: str) -> bool:
        """Take the card out of a slot; False where there was none. Raises `UnknownSlot`."""
        return self._device(slot).take()

    def _device(self, slot: str) -> SlotDevice:
        for device in self._devices:
            if device.name == slot:
                return device
        names = ", ".join(device.name for device in self._devices)
        raise UnknownSlot(f"沒有這個卡槽，可用的有 {names}。There is no such slot; there are {names}.")


class SlotDevice:
    """One software reader (`nhicard.reader.devices.device.Device`)."""

    def __init__(self, name: str, file: Path) -> None:
        self.name: Final = name
        self.kind: Final = DeviceKind.SLOT
        self._file = file
        self._lock = RLock()
        self._inserted: tuple[_Insertion, SimulatedCard] | None = None

    def card_present(self) -> bool:
        """Whether the slot names a card's file that exists."""
        insertion = self._insertion()
        return insertion is not None and insertion.image_path.is_file()

    def image_path(self) -> Path | None:
        """The image in the slot."""
        insertion = self._insertion()
        return insertion and insertion.image_path

    @contextmanager
    def connect(self) -> Iterator[Card]:
        """The card in the slot; raises `NoCard`, also where its file is unusable."""
        with self._lock:
            insertion = self._insertion()
            if insertion is None:
                self._inserted = None
                raise NoCard(f"{self.name} 沒有卡片。There is no card in {self.name}.")
            if self._inserted is None or self._inserted[0] != insertion:
                self._inserted = None
                self._inserted = insertion, self._powered_on(insertion)
            yield _InsertedCard(self, *self._inserted)

    def forget(self) -> None:
        """Make the card forget its session."""
        with self._lock:
            self._inserted = None

    def holds(self, insertion: _Insertion) -> bool:
        """Whether the card of that insertion is still in the slot."""
        return self._insertion() == insertion

    def put(self, insertion: _Insertion) -> None:
        """Name the card that is in the slot from now on."""
        content = {"image": str(insertion.image_path), "token": insertion.token}
        write_private(self._file, json.dumps(content, ensure_ascii=False).encode("utf-8"))

    def take(self) -> bool:
        """Empty the slot; False where it was empty."""
        try:
            self._file.unlink()
        except FileNotFoundError:
            return False
        return True

    def _insertion(self) -> _Insertion | None:
        try:
            content = json.loads(self._file.read_bytes())
            return _Insertion(Path(content["image"]), str(content["token"]))
        except (OSError, KeyError, TypeError, ValueError):
            return None  # a slot file that says nothing holds no card

    def _powered_on(self, insertion: _Insertion) -> SimulatedCard:
        try:
            return SimulatedCard(insertion.image_path)
        except (OSError, image.DamagedImage) as error:
            raise NoCard(f"{self.name} 的卡片無法使用。The card in {self.name} cannot be used: {error}") from error


class _InsertedCard:
    """A simulated card for as long as it stays in its slot."""

    def __init__(self, device: SlotDevice, insertion: _Insertion, card: SimulatedCard) -> None:
        self._device, self._insertion, self._card = device, insertion, card

    def transmit(self, apdu: bytes) -> bytes:
        """The card's answer; raises `CardRemoved`."""
        if not self._device.holds(self._insertion):
            raise CardRemoved(f"the card was taken out of {self._device.name}")
        return self._card.transmit(apdu)
