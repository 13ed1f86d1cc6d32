"""The card's side of the virtual reader's protocol, against a reader made of a socket."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import reduce
from operator import xor
from pathlib import Path

import pytest
from tests.reader.cards.card_factory import make_card

from nhicard.reader.cards.applications import Kind
from nhicard.reader.devices.vpcd import ATR, serve

SELECT_SAM = "00A4040009F0" + b"nhicard".hex() + "02"
NUMBER = "00CA010100"


class Reader:
    """The virtual reader: sends messages, and reads those of the card."""

    def __init__(self, connection: socket.socket, served: Future[None], stop: threading.Event) -> None:
        self.connection, self.served, self.stop = connection, served, stop

    def send(self, message: str) -> None:
        content = bytes.fromhex(message)
        self.connection.sendall(len(content).to_bytes(2) + content)

    def ask(self, message: str) -> str:
        self.send(message)
        return self.read(int.from_bytes(bytes.fromhex(self.read(2)))).upper()

    def read(self, length: int) -> str:
        data = b""
        while len(data) < length:
            part = self.connection.recv(length - len(data))
            assert part, "the card hung up"
            data += part
        return data.hex()


@contextmanager
def in_reader(folder: Path) -> Iterator[Reader]:
    stop = threading.Event()
    card = make_card(folder, Kind.SAM).card
    with socket.create_server(("127.0.0.1", 0)) as server, ThreadPoolExecutor(1) as pool:
        served = pool.submit(serve, card, "127.0.0.1", server.getsockname()[1], stop=stop)
        connection, _ = server.accept()
        connection.settimeout(10)
        with connection:
            try:
                yield Reader(connection, served, stop)
            finally:
                stop.set()


def test_answer_to_reset_has_its_check_byte(tmp_path: Path) -> None:
    with in_reader(tmp_path) as reader:
        assert reader.ask("04") == ATR.hex().upper()
    assert reduce(xor, ATR[1:]) == 0
    assert ATR[1] & 0x0F == len(ATR) - 4  # TS, T0, TD1, historical bytes, TCK


@pytest.mark.parametrize("control", ["00", "01", "02"], ids=["power off", "power on", "reset"])
def test_power_and_reset_end_the_session_and_have_no_answer(control: str, tmp_path: Path) -> None:
    with in_reader(tmp_path) as reader:
        reader.send("01")
        assert reader.ask(SELECT_SAM) == "9000"
        assert reader.ask(NUMBER) == b"SAM000000056".hex().upper() + "9000"
        reader.send(control)
        assert reader.ask(NUMBER) == "6985"


def test_messages_may_come_in_pieces(tmp_path: Path) -> None:
    with in_reader(tmp_path) as reader:
        command = bytes.fromhex(SELECT_SAM)
        for byte in len(command).to_bytes(2) + command:
            reader.connection.sendall(bytes((byte,)))
        assert reader.read(4) == "00029000"


def test_odd_messages_do_not_stop_the_card(tmp_path: Path) -> None:
    with in_reader(tmp_path) as reader:
        reader.send("07")  # no control command
        assert reader.ask("") == "6700"
        assert reader.ask("FF" * 3) == "6700"
        assert reader.ask(SELECT_SAM) == "9000"


def test_stop_pulls_the_card_out(tmp_path: Path) -> None:
    with in_reader(tmp_path) as reader:
        reader.stop.set()
        assert reader.connection.recv(1) == b""
        reader.served.result(timeout=10)


def test_a_reader_that_hangs_up_ends_it(tmp_path: Path) -> None:
    with in_reader(tmp_path) as reader:
        reader.connection.sendall(b"\x00")  # half a length
        reader.connection.shutdown(socket.SHUT_RDWR)
        reader.served.result(timeout=10)


def test_no_reader_is_said(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(ConnectionRefusedError):
        serve(make_card(tmp_path, Kind.SAM).card, "127.0.0.1", port, stop=threading.Event())
