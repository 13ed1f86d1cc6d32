"""The simulated card, command by command: what goes in and what comes out, in hexadecimal."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st
from tests.reader.cards.card_factory import key_pair, make_card

from nhicard.reader.cards import image
from nhicard.reader.cards.applet import SimulatedCard
from nhicard.reader.cards.applications import Kind

HC, HPC, SAM = Kind.HC, Kind.HPC, Kind.SAM
SELECT = {
    HC: "00A40400 10 D1580000010000000000000000001100",
    HPC: "00A40400 09 F0 6E686963617264 01",
    SAM: "00A40400 09 F0 6E686963617264 02",
}
PUBLIC = "00CA1100 02 0000"
PUBLIC_DATA = (
    b"000000000012".hex()
    + "B4FAB8D5AF66B177A5D2" + "20" * 10  # 測試病患甲 in Big5
    + b"A123456789".hex() + b"0790203".hex() + b"F".hex() + b"1040607".hex()
)  # fmt: skip


def block(code: str) -> str:
    return code.encode().hex() + "FF" * (12 - len(code))


def verify(code: str) -> str:
    return "00200081 0C" + block(code)


def change(old: str, new: str) -> str:
    return "00240081 18" + block(old) + block(new)


def first(new: str) -> str:
    return "00240181 0C" + block(new)


def unblock(puk: str, new: str) -> str:
    return "002C0081 18" + block(puk) + block(new)


OFF, TRIES, SIGN = "00260181", "00200081", "00880000 01 41 00"
OFF_BY_PIN, ON_BY_PIN = "00260081 0C" + block("1357"), "00280081 0C" + block("1357")
RESET = "reset"
PIN = {"pin": "1357", "puk": "24681357"}
#: One session each: kind, what is on the card, and lines of command and answer; ``reset`` is a power cycle,
#: and an answer that ends in ``…`` gives only the beginning.
SESSIONS: dict[str, tuple[Kind, dict[str, Any], list[tuple[str, str]]]] = {
    "a real client reads a health card": (HC, {}, [(SELECT[HC], "9000"), (PUBLIC, PUBLIC_DATA + "9000")]),
    "public data, with Le": (HC, {}, [(SELECT[HC] + "00", "9000"), (PUBLIC + "00", PUBLIC_DATA + "9000")]),
    "public data in two parts": (
        HC,
        {},
        [
            (SELECT[HC], "9000"),
            (PUBLIC + "38", PUBLIC_DATA[:112] + "6101"),
            ("00C00000 01", PUBLIC_DATA[112:] + "9000"),
            ("00C00000 01", "6985"),
        ],
    ),
    "a part not fetched at once is forgotten": (
        HC,
        {},
        [
            (SELECT[HC], "9000"),
            (PUBLIC + "38", PUBLIC_DATA[:112] + "6101"),
            (TRIES, "9000"),
            ("00C00000 01", "6985"),
            (PUBLIC + "38", PUBLIC_DATA[:112] + "6101"),
            (verify("1357"), "6985"),
            ("00C00000 01", "6985"),
        ],
    ),
    "nothing before SELECT": (HC, {}, [(PUBLIC, "6985"), (SIGN, "6985"), (TRIES, "6985"), ("00C00000 01", "6985")]),
    "other cards' applications": (
        HC,
        {},
        [(SELECT[HPC], "6A82"), (SELECT[SAM], "6A82"), ("00A40400 05 0000000000", "6A82"), (PUBLIC, "6985")],
    ),
    "a failed SELECT changes nothing": (HC, {}, [(SELECT[HC], "9000"), (SELECT[SAM], "6A82"), (TRIES, "9000")]),
    "staff card's data": (
        HPC,
        {},
        [
            (SELECT[HPC], "9000"),
            ("00CA0101 00", b"HPC000000034".hex() + "9000"),
            ("00CA0103 00", b"B123456780".hex() + "9000"),
            ("00CA0104 00", "B4FAB8D5C2E5AE76" + "20" * 12 + "9000"),
            ("00CA0102 00", "6A88"),
            (PUBLIC, "6A88"),
        ],
    ),
    "SAM's data": (
        SAM,
        {},
        [
            (SELECT[SAM], "9000"),
            ("00CA0101 00", b"SAM000000056".hex() + "9000"),
            ("00CA0102 00", b"3501200000".hex() + "9000"),
            ("00CA0103 00", "6A88"),
            (PUBLIC, "6A88"),
        ],
    ),
    "errors of form": (
        HC,
        {},
        [
            (SELECT[HC], "9000"),
            ("", "6700"),
            ("00A404", "6700"),
            ("00A40400 05 0000", "6700"),
            ("00CA1100 000002 0000", "6700"),
            ("80CA1100 02 0000", "6E00"),
            ("00B00000 00", "6D00"),
            ("00A40000 02 3F00", "6A86"),
            ("00A40400 04 D1580000", "6700"),
            ("00CA1100 00", "6700"),
            ("00CA1100 02 0001", "6A80"),
            ("00CA0101 00", "6A88"),
            ("00CAFFFF 00", "6A88"),
            ("00C00001 00", "6A86"),
            ("00200080", "6A86"),
            ("00200081 04 31333537", "6700"),
            ("00240081 0C" + block("1357"), "6700"),
            ("00260181 0C" + block("1357"), "6700"),
            ("002C0181 18" + block("1357") * 2, "6A86"),
            ("00880000 00", "6700"),
            ("00880100 01 41 00", "6A86"),
        ],
    ),
    "health card without PIN": (
        HC,
        {},
        [
            (SELECT[HC], "9000"),
            (TRIES, "9000"),
            (SIGN, "00…"),
            (verify("1357"), "6985"),
            (change("1357", "2468"), "6985"),
            (OFF, "6985"),
            (ON_BY_PIN, "6985"),
            (unblock("24681357", "1357"), "6985"),
        ],
    ),
    "the first PIN": (
        HC,
        {},
        [
            (SELECT[HC], "9000"),
            (first("1357"), "9000"),
            (SIGN, "02…"),
            (TRIES, "63C3"),
            (first("2468"), "6982"),
            (verify("1357"), "9000"),
            (SIGN, "01…"),
            (TRIES, "9000"),
            (first("2468"), "9000"),
            (verify("1357"), "63C2"),
            (verify("2468"), "9000"),
        ],
    ),
    "a PIN that is none": (
        HC,
        PIN,
        [
            (SELECT[HC], "9000"),
            ("00200081 0C" + "31" * 3 + "FF" * 9, "6A80"),
            ("00200081 0C" + "FF" * 12, "6A80"),
            ("00200081 0C" + "31FF31" + "FF" * 9, "6A80"),
            ("00200081 0C" + "31333537" + "00" * 8, "6A80"),
            (change("1357", "123"), "6A80"),
            (TRIES, "63C3"),
        ],
    ),
    "three tries": (
        HC,
        PIN,
        [
            (SELECT[HC], "9000"),
            (verify("0000"), "63C2"),
            (TRIES, "63C2"),
            (verify("0000"), "63C1"),
            (verify("1357"), "9000"),
            (verify("0000"), "63C2"),
            (SIGN, "02…"),
            (change("0000", "2468"), "63C1"),
            (OFF_BY_PIN.replace(block("1357"), block("0000")), "63C0"),
            (verify("1357"), "6983"),
            (change("1357", "2468"), "6983"),
            (OFF_BY_PIN, "6983"),
            (TRIES, "6983"),
            (RESET, ""),
            (SELECT[HC], "9000"),
            (verify("1357"), "6983"),
            (unblock("00000000", "2468"), "63C9"),
            (unblock("24681357", "2468"), "9000"),
            (TRIES, "63C3"),
            (verify("1357"), "63C2"),
            (verify("2468"), "9000"),
        ],
    ),
    "ten tries of the PUK": (
        HPC,
        {},
        [(SELECT[HPC], "9000")]
        + [(unblock("00000000", "2468"), f"63C{left:X}") for left in range(9, -1, -1)]
        + [(unblock("24681357", "2468"), "6983"), (verify("135790"), "9000")],
    ),
    "no PUK": (HC, {"pin": "1357"}, [(SELECT[HC], "9000"), (unblock("24681357", "2468"), "6985")]),
    "changing verifies": (
        HC,
        PIN,
        [(SELECT[HC], "9000"), (change("1357", "2468"), "9000"), (SIGN, "01…"), (verify("1357"), "63C2")],
    ),
    "doing without the PIN and with it again": (
        HC,
        PIN,
        [
            (SELECT[HC], "9000"),
            (OFF, "6982"),
            (OFF_BY_PIN, "9000"),
            (SIGN, "00…"),
            (TRIES, "9000"),
            (verify("1357"), "6985"),
            (ON_BY_PIN.replace(block("1357"), block("0000")), "63C2"),
            (ON_BY_PIN, "9000"),
            (SIGN, "01…"),
            (ON_BY_PIN, "6985"),
            (OFF, "9000"),
            (first("2468"), "9000"),
            (SIGN, "02…"),
            (verify("2468"), "9000"),
        ],
    ),
    "the session ends with the power": (
        HC,
        PIN,
        [
            (SELECT[HC], "9000"),
            (verify("1357"), "9000"),
            (SELECT[HC], "9000"),
            (SIGN, "01…"),
            (RESET, ""),
            (SIGN, "6985"),
            (SELECT[HC], "9000"),
            (SIGN, "02…"),
        ],
    ),
    "a staff card signs with its PIN only": (
        HPC,
        {},
        [
            (SELECT[HPC], "9000"),
            (SIGN, "6982"),
            (verify("135790"), "9000"),
            (SIGN, "01…"),
            (OFF, "6985"),
            (first("86420"), "9000"),
            (RESET, ""),
            (SELECT[HPC], "9000"),
            (SIGN, "6982"),
            (verify("86420"), "9000"),
        ],
    ),
    "a SAM has no PIN": (
        SAM,
        {},
        [
            (SELECT[SAM], "9000"),
            (SIGN, "00…"),
            (TRIES, "9000"),
            (verify("1357"), "6985"),
            (first("1357"), "6985"),
            (OFF, "6985"),
            (unblock("24681357", "1357"), "6985"),
        ],
    ),
}


def answer(card: SimulatedCard, command: str) -> str:
    return card.transmit(bytes.fromhex(command)).hex().upper()


@pytest.mark.parametrize("name", SESSIONS)
def test_session(name: str, tmp_path: Path) -> None:
    kind, facts, lines = SESSIONS[name]
    card = make_card(tmp_path, kind, **facts).card
    for number, (command, expected) in enumerate(lines, 1):
        if command == RESET:
            card.reset()
        elif expected.endswith("…"):
            got = answer(card, command)
            assert (got[:2], len(got), got[-4:]) == (expected[:2], 2 * (65 + 2), "9000"), f"line {number}"
        else:
            assert answer(card, command) == expected.upper(), f"line {number}: {command}"


@pytest.mark.parametrize("kind", Kind)
def test_certificate_comes_in_parts(kind: Kind, tmp_path: Path) -> None:
    card = make_card(tmp_path, kind).card
    der = key_pair()[1].public_bytes(Encoding.DER).hex().upper()
    rest = len(der) // 2 - 512
    assert 0 < rest < 256
    assert answer(card, SELECT[kind]) == "9000"
    assert answer(card, "00CA7F21 00") == der[:512] + "6100"
    assert answer(card, "00C00000 00") == der[512:1024] + f"61{rest:02X}"
    assert answer(card, f"00C00000 {rest:02X}") == der[1024:] + "9000"


def test_tries_survive_the_card(tmp_path: Path) -> None:
    made = make_card(tmp_path, HC, **PIN)
    assert [answer(made.card, line) for line in (SELECT[HC], verify("0000"))] == ["9000", "63C2"]
    other = SimulatedCard(made.path)
    assert [answer(other, line) for line in (SELECT[HC], TRIES)] == ["9000", "63C2"]


@pytest.mark.parametrize(
    ("secret", "command", "left"),
    [("pin", verify("1357"), 2), ("pin", change("1357", "2468"), 2), ("puk", unblock("24681357", "2468"), 9)],
)
def test_a_killed_process_has_used_its_try(
    secret: str, command: str, left: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def killed(*_: object) -> bool:
        raise Killed

    made = make_card(tmp_path, HC, **PIN)
    answer(made.card, SELECT[HC])
    monkeypatch.setattr("nhicard.reader.cards.secret_code.SecretCode.matches", killed)
    with pytest.raises(Killed):
        answer(made.card, command)
    assert getattr(image.load(made.path), secret).tries_left == left


def test_a_try_that_cannot_be_written_is_not_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = make_card(tmp_path, HC, **PIN)
    answer(made.card, SELECT[HC])

    def full(*_: object) -> None:
        raise OSError("no space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(image, "write_private", full)
        assert answer(made.card, verify("1357")) == "6581"
        assert answer(made.card, verify("0000")) == "6581"
    assert answer(made.card, TRIES) == "63C3"


def lose(path: Path) -> None:
    path.unlink()


def damage(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def expose(path: Path) -> None:
    path.chmod(0o644)


def exchange_file(path: Path) -> None:
    key_pair.cache_clear()
    make_card(path.parent, HC, **PIN)


@pytest.mark.parametrize("mishap", [lose, damage, expose, exchange_file])
def test_a_file_that_is_no_longer_the_card_is_a_memory_failure(mishap: Any, tmp_path: Path) -> None:
    made = make_card(tmp_path, HC, **PIN)
    assert [answer(made.card, line) for line in (SELECT[HC], verify("1357"))] == ["9000", "9000"]
    mishap(made.path)
    assert answer(made.card, SIGN) == "6581"


headers = st.tuples(
    st.sampled_from([0x00, 0x00, 0x00, 0x80]),
    st.sampled_from([0xA4, 0xCA, 0xC0, 0x20, 0x24, 0x2C, 0x26, 0x28, 0x88, 0xB0]),
    st.sampled_from([0x00, 0x01, 0x04, 0x11, 0x7F]),
    st.sampled_from([0x00, 0x01, 0x21, 0x81]),
).map(bytes)
codes = st.sampled_from([block("1357"), block("135790"), block("0000"), "FF" * 12, "00" * 12]).map(bytes.fromhex)
bodies = st.one_of(
    st.binary(max_size=40),
    st.lists(codes, min_size=1, max_size=2).map(lambda parts: bytes((12 * len(parts),)) + b"".join(parts)),
)
apdus = st.one_of(
    st.binary(max_size=300),
    st.sampled_from([bytes.fromhex(line) for line in (*SELECT.values(), PUBLIC, SIGN)]),
    st.tuples(headers, bodies).map(b"".join),
)


@given(kind=st.sampled_from(list(Kind)), lines=st.lists(apdus, min_size=1, max_size=12))
def test_whatever_the_bytes_there_is_a_status_word(kind: Kind, lines: list[bytes]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        card = make_card(Path(folder), kind).card
        for line in [bytes.fromhex(SELECT[kind]), *lines]:
            got = card.transmit(line)
            assert 2 <= len(got) <= 258
            assert got[-2] & 0xF0 in {0x60, 0x90}
            assert got[-2:] != b"\x65\x81"
