"""What went wrong at a card or a reader, as the official status code."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from nhicard.formats.status_codes import Refused
from nhicard.reader.cards.apdu import CardError, CardRemoved
from nhicard.reader.cards.applications import Kind
from nhicard.reader.cards.operations import (
    NoPinSet,
    NotSupported,
    NotThisKindOfCard,
    PinBlocked,
    PinNotVerified,
    WrongPin,
)
from nhicard.reader.devices.device import DeviceError, DeviceFault, DeviceGone, NoCard

PIN_BLOCKED: Final = 9043
BAD_PIN_FORM: Final = 9041
_READER_GONE, _READER_FAULT = 1101, 1199

#: By the kind of card: what its absence, another card in its place, and each error of it is called.
ABSENT: Final[Mapping[Kind, int]] = {Kind.HC: 1102, Kind.HPC: 4014, Kind.SAM: 4012}
_OTHER_CARD: Final[Mapping[Kind, int]] = {Kind.HC: 4033, Kind.HPC: 4034, Kind.SAM: 4032}
_FAULT: Final[Mapping[Kind, int]] = {Kind.HC: 1500, Kind.HPC: 1400, Kind.SAM: 1300}
_UNSUPPORTED: Final[Mapping[Kind, int]] = {Kind.HC: 1502, Kind.HPC: 1403, Kind.SAM: 1301}
_NOT_VERIFIED: Final[Mapping[Kind, int]] = {Kind.HC: 1511, Kind.HPC: 1402, Kind.SAM: 1301}
_WRONG_PIN: Final[Mapping[Kind, int]] = {Kind.HC: 1514, Kind.HPC: 1410, Kind.SAM: 1301}


@contextmanager
def refusing(kind: Kind, *, no_pin: int = 1510) -> Iterator[None]:
    """Turns errors of cards and readers into Refused; ``no_pin`` is the code where the card has no PIN in force."""
    try:
        yield
    except (CardError, DeviceError) as error:
        raise Refused(_code(error, kind, no_pin), type(error).__name__) from None


def _code(error: CardError | DeviceError, kind: Kind, no_pin: int) -> int:  # one case an error
    match error:
        case NoCard() | CardRemoved():
            return ABSENT[kind]
        case DeviceGone():
            return _READER_GONE
        case DeviceFault():
            return _READER_FAULT
        case NotThisKindOfCard():
            return _OTHER_CARD[kind]
        case WrongPin():
            return _WRONG_PIN[kind]
        case PinBlocked():
            return PIN_BLOCKED
        case PinNotVerified():
            return _NOT_VERIFIED[kind]
        case NoPinSet():
            return no_pin
        case NotSupported():
            return _UNSUPPORTED[kind]
        case CardError():
            return _FAULT[kind]
        case _:
            return _READER_FAULT
