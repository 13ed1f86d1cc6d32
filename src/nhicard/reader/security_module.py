"""The SAM that a session works with: a card in a reader, or a cloud SAM's file on this machine."""

from __future__ import annotations

from typing import Protocol

from nhicard.identity.signature_block import Part
from nhicard.reader.cards import operations
from nhicard.reader.devices.device import Device


class SecurityModule(Protocol):
    """A SAM: who it is, and its part of a signature block."""

    @property
    def number(self) -> str:
        """SAM id, 12 characters."""

    @property
    def institution(self) -> str:
        """Code of the institution that it belongs to."""

    @property
    def machine(self) -> str:
        """Fingerprint of this machine for a cloud SAM, empty for a card."""

    @property
    def needs_network(self) -> bool:
        """Whether it may only sign while the data centre can be reached."""

    def sign(self, challenge: bytes) -> Part:
        """Its part. Raises what its card or file raises."""


class CardSam:
    """A SAM card in a reader."""

    machine = ""
    needs_network = False

    def __init__(self, device: Device) -> None:
        """Raises DeviceError, CardError."""
        self._device = device
        with device.connect() as card:
            self.number = operations.read_number(card)
            self.institution = operations.read_institution(card)

    def sign(self, challenge: bytes) -> Part:
        """Signed by the card in the reader now, which must still be the same."""
        with self._device.connect() as card:
            if operations.read_number(card) != self.number:
                raise operations.NotThisKindOfCard("another SAM is in the reader")
            signed = operations.sign(card, challenge)
        return Part(signed.state, signed.signature)
