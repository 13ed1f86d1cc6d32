"""A simulated card behind the virtual PC/SC reader of Debian's ``vsmartcard-vpcd``.

The virtual reader listens; whoever connects is the card. Both sides send messages of a length (two bytes,
big-endian) and so many bytes. A message of one byte is a control command of the reader, any other an APDU.
Source: the protocol description of the virtual smart card project (vsmartcard).
"""

from __future__ import annotations

import socket
import threading
from functools import reduce
from operator import xor
from typing import Final

from nhicard.reader.cards.applet import SimulatedCard

HOST: Final = "127.0.0.1"
PORT: Final = 35963
_POWER_OFF, _POWER_ON, _RESET, _GET_ATR = 0, 1, 2, 4
_PATIENCE: Final = 0.1  # seconds between two looks at whether to stop

# ISO 7816-3: T=1 alone, historical bytes in compact TLV (card issuer's data "nhicard").
_AFTER_TS: Final = b"\x89\x01\x80\x57nhicard"
#: Answer to reset, with its check byte: the exclusive or of everything behind TS.
ATR: Final = b"\x3b" + _AFTER_TS + bytes((reduce(xor, _AFTER_TS),))


def serve(card: SimulatedCard, host: str = HOST, port: int = PORT, *, stop: threading.Event) -> None:
    """Keep the card in the virtual reader until ``stop`` is set (the card is pulled out) or the reader ends.

    Raises `OSError` where no virtual reader listens.
    """
    with socket.create_connection((host, port)) as connection:
        connection.settimeout(_PATIENCE)
        card.reset()
        while (message := _received(connection, stop)) is not None:
            if (answer := _answer(card, message)) is not None:
                connection.sendall(len(answer).to_bytes(2) + answer)


def _answer(card: SimulatedCard, message: bytes) -> bytes | None:
    """The card's reply to a message; None where the protocol wants none."""
    if len(message) != 1:
        return card.transmit(message)
    if message[0] in (_POWER_OFF, _POWER_ON, _RESET):
        card.reset()
    return ATR if message[0] == _GET_ATR else None


def _received(connection: socket.socket, stop: threading.Event) -> bytes | None:
    """The next message; None when it is time to stop, or the reader has hung up."""
    header = _exactly(connection, 2, stop)
    return header and _exactly(connection, int.from_bytes(header), stop)


def _exactly(connection: socket.socket, length: int, stop: threading.Event) -> bytes | None:
    data = b""
    while len(data) < length:
        if stop.is_set():
            return None
        try:
            part = connection.recv(length - len(data))
        except TimeoutError:
            continue
        except ConnectionResetError:
            return None
        if not part:
            return None
        data += part
    return data
