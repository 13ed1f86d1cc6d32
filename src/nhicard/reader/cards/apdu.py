"""The seam between software and card: command and response APDUs, short form (ISO 7816-4, clause 5).

Real cards in PC/SC readers, simulated cards behind a virtual PC/SC reader and simulated cards in software slots
are all a `Card`: bytes in, data and status word out.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import Final, Protocol, Self

_HEADER: Final = 4
_MOST_DATA: Final = 255
_MOST_EXPECTED: Final = 256
_MOST_CONTINUATIONS: Final = 64  # 16 KiB: far above any certificate, and an end to a card that never stops
_BYTES_REMAIN: Final = 0x61
_WRONG_LE: Final = 0x6C


class StatusWord(IntEnum):
    """Status words SW1 SW2 that this program sends or tells apart."""

    OK = 0x9000
    WRONG_PIN = 0x63C0  # the low four bits are the tries left
    MEMORY_FAILURE = 0x6581
    WRONG_LENGTH = 0x6700
    SECURITY_STATUS_NOT_SATISFIED = 0x6982
    AUTHENTICATION_BLOCKED = 0x6983
    CONDITIONS_NOT_SATISFIED = 0x6985
    WRONG_DATA = 0x6A80
    FUNCTION_NOT_SUPPORTED = 0x6A81
    APPLICATION_NOT_FOUND = 0x6A82
    WRONG_P1P2 = 0x6A86
    DATA_NOT_FOUND = 0x6A88
    INS_NOT_SUPPORTED = 0x6D00
    CLA_NOT_SUPPORTED = 0x6E00


class CardError(Exception):
    """Something between a program and a card went wrong; the subclasses say what."""


class CardRemoved(CardError):
    """The card was pulled out while it was being spoken to, or exchanged for another one."""


class CardFault(CardError):
    """The card answered with a status word that this step does not expect, or with something that is no answer.

    ``sw`` is the status word, or None where the answer has none or contradicts itself.
    """

    def __init__(self, sw: int | None, reason: str = "") -> None:
        super().__init__(sw, reason)
        self.sw = sw
        self.reason = reason

    def __str__(self) -> str:
        answer = "an unusable answer" if self.sw is None else f"status word {self.sw:04X}"
        return f"the card gave {answer}" + (f": {self.reason}" if self.reason else "")


class Card(Protocol):
    """Anything that answers APDUs."""

    def transmit(self, apdu: bytes) -> bytes:
        """The response APDU (data, SW1, SW2) to a command APDU; raises `CardRemoved`."""


@dataclass(frozen=True, slots=True)
class Command:
    """A command APDU: four header bytes, at most 255 bytes of data, and ``le``, the most bytes wanted back.

    ``le`` is 1 to 256, or None where no Le field is sent. Cases 1 to 4 follow from which of the two are there.
    Raises `ValueError` for values that a short APDU cannot hold.
    """

    cla: int
    ins: int
    p1: int = 0
    p2: int = 0
    data: bytes = field(default=b"", repr=False)  # may be a PIN
    le: int | None = None

    def __post_init__(self) -> None:
        if not all(0 <= part <= 0xFF for part in (self.cla, self.ins, self.p1, self.p2)):
            raise ValueError("CLA, INS, P1 and P2 are one byte each")
        if len(self.data) > _MOST_DATA:
            raise ValueError(f"{len(self.data)} bytes of data; a short APDU holds {_MOST_DATA}")
        if self.le is not None and not 1 <= self.le <= _MOST_EXPECTED:
            raise ValueError(f"Le {self.le} is not 1 to {_MOST_EXPECTED}")

    @property
    def p1p2(self) -> int:
        """P1 and P2 as one number of 16 bits."""
        return self.p1 << 8 | self.p2

    def to_bytes(self) -> bytes:
        """The APDU as sent; Le 256 is written 00."""
        header = bytes((self.cla, self.ins, self.p1, self.p2))
        body = bytes((len(self.data),)) + self.data if self.data else b""
        return header + body + (b"" if self.le is None else bytes((self.le & 0xFF,)))

    @classmethod
    def from_bytes(cls, apdu: bytes) -> Self:
        """The command that an APDU says; raises `ValueError` for what is no short APDU of cases 1 to 4."""
        if len(apdu) < _HEADER:
            raise ValueError(f"{len(apdu)} bytes are no APDU: the header alone has {_HEADER}")
        (cla, ins, p1, p2), body = apdu[:_HEADER], apdu[_HEADER:]
        if len(body) <= 1:
            return cls(cla, ins, p1, p2, le=_expected(body))
        length, rest = body[0], body[1:]
        if length == 0 or not length <= len(rest) <= length + 1:
            raise ValueError(f"Lc {length} does not fit the {len(rest)} bytes behind it")
        return cls(cla, ins, p1, p2, rest[:length], _expected(rest[length:]))


@dataclass(frozen=True, slots=True)
class Response:
    """A response APDU: data and status word."""

    data: bytes = field(repr=False)
    sw: int

    def to_bytes(self) -> bytes:
        """The APDU as sent."""
        return self.data + self.sw.to_bytes(2)

    @classmethod
    def from_bytes(cls, apdu: bytes) -> Self:
        """The response that an APDU says; raises `ValueError` for fewer than two bytes."""
        if len(apdu) < 2:
            raise ValueError(f"{len(apdu)} bytes are no response: the status word alone has 2")
        return cls(apdu[:-2], int.from_bytes(apdu[-2:]))


def exchange(card: Card, command: Command) -> Response:
    """The card's whole answer: asks again where Le was wrong (6Cxx), fetches what remains (61xx, GET RESPONSE).

    Raises `CardRemoved`, and `CardFault` for an answer that is none or has no end.
    """
    response = _transmit(card, command)
    if response.sw >> 8 == _WRONG_LE:
        response = _transmit(card, replace(command, le=_announced(response.sw)))
    data = response.data
    for _ in range(_MOST_CONTINUATIONS):
        if response.sw >> 8 != _BYTES_REMAIN:
            return Response(data, response.sw)
        response = _transmit(card, Command(0x00, 0xC0, le=_announced(response.sw)))
        data += response.data
    raise CardFault(response.sw, "the answer has no end")


def _transmit(card: Card, command: Command) -> Response:
    try:
        return Response.from_bytes(card.transmit(command.to_bytes()))
    except ValueError as error:
        raise CardFault(None, str(error)) from None


def _announced(sw: int) -> int:
    """The number of bytes that 61xx or 6Cxx speaks of."""
    return sw & 0xFF or _MOST_EXPECTED


def _expected(field_le: bytes) -> int | None:
    return (field_le[0] or _MOST_EXPECTED) if field_le else None
