"""What every card reader can do, be it of metal or of software."""

from __future__ import annotations

from contextlib import AbstractContextManager
from enum import StrEnum
from typing import Protocol

from nhicard.reader.cards.apdu import Card


class DeviceKind(StrEnum):
    """How a reader is reached."""

    PCSC = "pcsc"  # a reader of the operating system, by PC/SC
    SLOT = "slot"  # a software reader with a simulated card


class DeviceError(Exception):
    """A card reader could not do what was asked; the subclasses say why."""


class NoCard(DeviceError):
    """There is no usable card in the reader."""


class DeviceGone(DeviceError):
    """The reader was unplugged, or the system's reader service ended."""


class DeviceFault(DeviceError):
    """Anything else that the reader service reports; ``code`` is its number (0x801000xx for PC/SC)."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(f"{text} ({code:#010x})")
        self.code = code


class Device(Protocol):
    """A card reader. Its card keeps its session (what is selected, what is verified) from one `connect` to the
    next while it stays in the reader, and loses it when it is pulled out or exchanged.
    """

    @property
    def name(self) -> str:
        """The reader's name, unique on this machine."""

    @property
    def kind(self) -> DeviceKind:
        """How it is reached."""

    def card_present(self) -> bool:
        """Whether a card is in the reader at this moment; False too when the reader is gone."""

    def connect(self) -> AbstractContextManager[Card]:
        """The card in the reader, for one thread at a time until the block ends.

        Raises `NoCard`, `DeviceGone`, `DeviceFault`. Within the block the card raises `CardRemoved` when it is
        pulled out.
        """

    def forget(self) -> None:
        """Make the card forget its session, as if it had been taken out and put back."""
