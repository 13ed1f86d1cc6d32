"""Command and response APDUs: the four cases of ISO 7816-4 in short form, and answers that come in parts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nhicard.reader.cards.apdu import CardFault, Command, Response, exchange

CASES = {
    "00C00000": Command(0x00, 0xC0),
    "00C0000010": Command(0x00, 0xC0, le=16),
    "00C0000000": Command(0x00, 0xC0, le=256),
    "00CA110002 0000": Command(0x00, 0xCA, 0x11, 0x00, b"\x00\x00"),
    "0088000003 414243 00": Command(0x00, 0x88, data=b"ABC", le=256),
    "8020FF8101 31 FF": Command(0x80, 0x20, 0xFF, 0x81, b"1", 255),
    "00A40400 FF" + "AA" * 255: Command(0x00, 0xA4, 0x04, data=b"\xaa" * 255),
}
MALFORMED = {
    "": "no header",
    "00": "no header",
    "00A404": "no header",
    "00A40400 02 00": "data shorter than Lc",
    "00A40400 02 0000 00 00": "data longer than Lc and Le",
    "00A40400 00 01": "Lc of zero",
    "00A40400 00 0001 00": "extended length",
}
UNSPEAKABLE = [{"cla": 256}, {"ins": -1}, {"data": bytes(256)}, {"le": 0}, {"le": 257}]


@pytest.mark.parametrize("apdu", CASES)
def test_command_and_bytes_are_the_same_thing(apdu: str) -> None:
    assert CASES[apdu].to_bytes() == bytes.fromhex(apdu)
    assert Command.from_bytes(bytes.fromhex(apdu)) == CASES[apdu]


@pytest.mark.parametrize("apdu", MALFORMED, ids=list(MALFORMED.values()))
def test_malformed_apdu_is_refused(apdu: str) -> None:
    with pytest.raises(ValueError, match=r"bytes"):
        Command.from_bytes(bytes.fromhex(apdu))


@pytest.mark.parametrize("parts", UNSPEAKABLE, ids=str)
def test_what_a_short_apdu_cannot_say_is_refused(parts: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=r"byte|Le"):
        Command(**({"cla": 0, "ins": 0} | parts))  # type: ignore[arg-type]


@given(st.binary(max_size=300))
def test_bytes_that_are_a_command_come_back_unchanged(apdu: bytes) -> None:
    try:
        command = Command.from_bytes(apdu)
    except ValueError:
        return
    assert command.to_bytes() == apdu


def test_a_pin_is_not_in_the_representation() -> None:
    assert "1357" not in repr(Command(0x00, 0x20, data=b"1357"))


class Script:
    """A card that gives prepared answers and refuses any other question."""

    def __init__(self, *lines: tuple[str, str]) -> None:
        self.lines = list(lines)

    def transmit(self, apdu: bytes) -> bytes:
        question, answer = self.lines.pop(0)
        assert apdu.hex().upper() == question.replace(" ", "")
        return bytes.fromhex(answer)


CONVERSATIONS = {
    "answer at once": ([("00CA0101 00", "41 9000")], b"A", 0x9000),
    "rest by GET RESPONSE": ([("00CA0101 00", "41 6102"), ("00C00000 02", "4243 9000")], b"ABC", 0x9000),
    "256 or more remain": (
        [("00CA0101 00", "6100"), ("00C00000 00", "41 6101"), ("00C00000 01", "42 9000")],
        b"AB",
        0x9000,
    ),
    "asked again with the right Le": ([("00CA0101 00", "6C01"), ("00CA0101 01", "41 9000")], b"A", 0x9000),
    "refused": ([("00CA0101 00", "6A88")], b"", 0x6A88),
    "refused half-way": ([("00CA0101 00", "41 6101"), ("00C00000 01", "6985")], b"A", 0x6985),
}


@pytest.mark.parametrize("name", CONVERSATIONS)
def test_exchange_fetches_the_whole_answer(name: str) -> None:
    lines, data, sw = CONVERSATIONS[name]
    card = Script(*lines)
    assert exchange(card, Command(0x00, 0xCA, 0x01, 0x01, le=256)) == Response(data, sw)
    assert card.lines == []


@pytest.mark.parametrize("answer", ["", "90"], ids=["nothing", "half a status word"])
def test_no_status_word_is_a_fault(answer: str) -> None:
    with pytest.raises(CardFault) as fault:
        exchange(Script(("00CA0101", answer)), Command(0x00, 0xCA, 0x01, 0x01))
    assert fault.value.sw is None


def test_an_answer_without_end_is_a_fault() -> None:
    class Endless:
        def transmit(self, apdu: bytes) -> bytes:
            return bytes.fromhex("41 61FF")

    with pytest.raises(CardFault, match="no end"):
        exchange(Endless(), Command(0x00, 0xCA, 0x01, 0x01))
