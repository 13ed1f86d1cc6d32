"""The SAM that a session works with: a card in a reader, or a cloud SAM's file on this machine."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Protocol

from nhicard.formats.status_codes import Refused
from nhicard.identity.signature_block import Part
from nhicard.reader import cloud_sam
from nhicard.reader.cards import operations
from nhicard.reader.cards.apdu import CardError
from nhicard.reader.devices.device import Device, DeviceError, NoCard

#: The reader whose only card is the cloud SAM.
VIRTUAL_READER: Final = "COMX1"
_NUMBERED: Final = re.compile(r"COM([0-9]*)")


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
            self.institution = operations.read_institution(card)
            self.number = operations.read_number(card)

    def sign(self, challenge: bytes) -> Part:
        """Signed by the card in the reader now, which must still be the same."""
        with self._device.connect() as card:
            if operations.read_number(card) != self.number:
                raise operations.NotThisKindOfCard("another SAM is in the reader")
            signed = operations.sign(card, challenge)
        return Part(signed.state, signed.signature)


def choose(name: str, devices: Sequence[Device], cloud_folder: Path) -> tuple[SecurityModule, str]:
    """The SAM to work with, and the reader that was named, empty if none was.

    ``name`` is a SAM id, the name of a reader, ``COMn`` for the n-th reader, ``COMX1`` for the cloud SAM, or empty
    for whatever SAM there is, a card before a file. Raises Refused: 1600 no such reader, 1611 no such SAM, and where
    there is none at all 1100 (no reader), 1601 (the readers fail) or 4012; 9200-9202 and 1610 for the cloud SAM.
    """
    if name.upper() == VIRTUAL_READER:
        return cloud_sam.load(cloud_folder), ""
    reader = _reader_named(name, devices)
    number = "" if reader else name
    failing = False
    for device in sorted(devices, key=lambda each: each.name != reader):
        try:
            sam = CardSam(device)
        except (CardError, NoCard):
            continue  # nothing in it, or a card of another kind
        except DeviceError:
            failing = True
            continue
        if number in ("", sam.number):
            return sam, reader
    if cloud_sam.is_installed(cloud_folder):
        installed = cloud_sam.load(cloud_folder)
        if number in ("", installed.number):
            return installed, reader
    if not devices:
        raise Refused(1100)
    raise Refused(1611 if number else 1601 if failing else 4012)


def _reader_named(name: str, devices: Sequence[Device]) -> str:
    names = [device.name for device in devices]
    if name in names:
        return name
    numbered = _NUMBERED.fullmatch(name.upper())
    if not numbered:
        return ""
    place = int(numbered[1] or 0)
    if not 1 <= place <= len(names):
        raise Refused(1600)
    return names[place - 1]
