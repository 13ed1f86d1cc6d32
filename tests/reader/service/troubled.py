"""Readers in which things go wrong at a chosen moment: a card pulled out, a cable, an answer that makes no sense."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from nhicard.reader.cards.apdu import Card
from nhicard.reader.devices import Devices
from nhicard.reader.devices.device import Device, DeviceKind
from nhicard.reader.devices.slots import Slots

SIGN, SELECT = 0x88, 0xA4  # instructions of ISO 7816-4: INTERNAL AUTHENTICATE, SELECT
Trouble = Callable[[], bytes | None]


class TroubledReader:
    """A software reader (`nhicard.reader.devices.device.Device`) that is as real ones until it is told to fail."""

    def __init__(self, inner: Device) -> None:
        self._inner = inner
        self._at_connections: list[Trouble | None] = []
        self._at: dict[int, Trouble] = {}

    @property
    def name(self) -> str:
        """As the reader's."""
        return self._inner.name

    @property
    def kind(self) -> DeviceKind:
        """As the reader's."""
        return self._inner.kind

    def fails_at(self, instruction: int, trouble: Trouble) -> None:
        """Have ``trouble`` happen when the instruction is sent: it raises, answers, or only changes the world."""
        self._at[instruction] = trouble

    def fails_at_connection(self, number: int, trouble: Trouble) -> None:
        """Have ``trouble`` happen before the card is spoken to for the n-th time from now."""
        self._at_connections = [None] * (number - 1) + [trouble]

    def card_present(self) -> bool:
        """As the reader's."""
        return self._inner.card_present()

    @contextmanager
    def connect(self) -> Iterator[Card]:
        """The card, which fails when it was told to."""
        if self._at_connections and (trouble := self._at_connections.pop(0)):
            trouble()
        with self._inner.connect() as card:
            yield _TroubledCard(card, self._at)

    def forget(self) -> None:
        """As the reader's."""
        self._inner.forget()


class _TroubledCard:
    def __init__(self, card: Card, at: dict[int, Trouble]) -> None:
        self._card, self._at = card, at

    def transmit(self, apdu: bytes) -> bytes:
        """The trouble's answer, or the card's."""
        trouble = self._at.get(apdu[1])
        return (trouble() if trouble else None) or self._card.transmit(apdu)


class TroubledReaders(Devices):
    """The three software readers of a machine, each of which may fail; ``unplugged`` all of them."""

    def __init__(self, slots: Path) -> None:
        super().__init__(slots, pcsc=False)
        self.readers = [TroubledReader(device) for device in Slots(slots).devices()]
        self.unplugged = False

    def list(self) -> list[Device]:
        """The readers that are there."""
        return [] if self.unplugged else [*self.readers]


def raising(error: Exception) -> Trouble:
    """Trouble that is an exception."""

    def trouble() -> bytes:
        raise error

    return trouble


def answering(status_word: str) -> Trouble:
    """Trouble that is a status word, in hexadecimal."""
    return lambda: bytes.fromhex(status_word)


def doing(*acts: Callable[[], object]) -> Trouble:
    """Trouble that somebody makes while the card is at work."""

    def trouble() -> None:
        for act in acts:
            act()

    return trouble
