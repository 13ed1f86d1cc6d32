"""What programs ask of cards: real health cards' public data, signatures, PINs and their exceptions."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from tests.reader.cards.card_factory import HOLDERS, key_pair, make_card

from nhicard.identity.signature_block import PinState
from nhicard.reader.cards import operations as op
from nhicard.reader.cards.apdu import Card, CardFault
from nhicard.reader.cards.applications import Kind

HC, HPC, SAM = Kind.HC, Kind.HPC, Kind.SAM
PIN = {"pin": "1357", "puk": "24681357"}
SELECT_HC = "00A4040010D1580000010000000000000000001100"
READ = "00CA1100020000"


class RealCard:
    """A card that answers what it is told to, and 6D00 to anything else; a wrong AID gives 6A82."""

    def __init__(self, answers: Mapping[str, str]) -> None:
        self.answers = answers

    def transmit(self, apdu: bytes) -> bytes:
        otherwise = "6A82" if apdu[1] == 0xA4 else "6D00"
        return bytes.fromhex(self.answers.get(apdu.hex().upper(), otherwise))


def public(name: bytes = b"\xb4\xfa\xb8\xd5".ljust(20), birth: bytes = b"0790203", issued: bytes = b"1040607") -> str:
    return (b"000000000012" + name + b"A123456789" + birth + b"F" + issued).hex()


REAL_CARDS: dict[str, tuple[dict[str, str], dict[str, Any]]] = {
    "T=1": ({SELECT_HC: "9000", READ: public() + "9000"}, {"name": "測試"}),
    "T=0": ({SELECT_HC: "6102", "00C0000002": "6F009000", READ: "6139", "00C0000039": public() + "9000"}, {}),
    "SELECT tells about the file": ({SELECT_HC: "6F0084009000", READ: public() + "9000"}, {}),
    "more than 57 bytes": ({SELECT_HC: "9000", READ: public() + "2020" + "9000"}, {"sex": "F"}),
    "name not in Big5": ({SELECT_HC: "9000", READ: public(b"\xb4\xfa\xff".ljust(20)) + "9000"}, {"name": "測\ufffd"}),
    "name cut in two": (
        {SELECT_HC: "9000", READ: public(b"\xb4\xfa" * 9 + b" \xb4") + "9000"},
        {"name": "測" * 9 + " \ufffd"},
    ),
    "name padded with full-width blanks": (
        {SELECT_HC: "9000", READ: public(b"\xb4\xfa" + b"\xa1\x40" * 9) + "9000"},
        {"name": "測"},
    ),
    "user-defined character": ({SELECT_HC: "9000", READ: public(b"\xfa\x40".ljust(20)) + "9000"}, {"name": "\ue000"}),
    "no dates": (
        {SELECT_HC: "9000", READ: public(birth=b"0000000", issued=b" " * 7) + "9000"},
        {"birth_date": None, "issue_date": None},
    ),
}
USUAL: dict[str, Any] = {
    "number": "000000000012",
    "name": "測試",
    "person_id": "A123456789",
    "birth_date": dt.date(1990, 2, 3),
    "sex": "F",
    "issue_date": dt.date(2015, 6, 7),
}


@pytest.mark.parametrize("name", REAL_CARDS)
def test_basic_data_of_a_real_card(name: str) -> None:
    answers, differing = REAL_CARDS[name]
    assert op.read_basic_data(RealCard(answers)) == op.BasicData(**(USUAL | differing))


def test_basic_data_of_a_simulated_card(tmp_path: Path) -> None:
    assert op.read_basic_data(make_card(tmp_path, HC).card) == op.BasicData(**HOLDERS[HC])


def test_personal_data_is_not_in_the_representation() -> None:
    shown = repr(op.BasicData(**USUAL))
    assert not any(str(USUAL[part]) in shown for part in ("number", "name", "person_id", "birth_date"))


REFUSALS: dict[str, tuple[dict[str, str], Callable[[Card], object], type[Exception]]] = {
    "a bank card": ({}, op.read_basic_data, op.NotThisKindOfCard),
    "a bank card's kind": ({}, op.kind_of, op.NotThisKindOfCard),
    "too short": ({SELECT_HC: "9000", READ: "30309000"}, op.read_basic_data, CardFault),
    "refuses to be read": ({SELECT_HC: "9000", READ: "6F00"}, op.read_basic_data, CardFault),
    "no status word": ({SELECT_HC: "90"}, op.read_basic_data, CardFault),
    "does not sign": ({SELECT_HC: "9000"}, lambda card: op.sign(card, b"1"), op.NotSupported),
    "has no certificate": ({SELECT_HC: "9000"}, op.certificate, op.NotSupported),
    "has another certificate": ({SELECT_HC: "9000", "00CA7F2100": "30039000"}, op.certificate, CardFault),
    "knows no PIN": ({SELECT_HC: "9000"}, lambda card: op.verify_pin(card, "1357"), op.NotSupported),
    "signs otherwise": ({SELECT_HC: "9000", "00880000013100": "00419000"}, lambda card: op.sign(card, b"1"), CardFault),
    "signs with nothing": ({SELECT_HC: "9000", "00880000013100": "9000"}, lambda card: op.sign(card, b"1"), CardFault),
    "signs in an unknown state": (
        {SELECT_HC: "9000", "00880000013100": "07" + "41" * 64 + "9000"},
        lambda card: op.sign(card, b"1"),
        CardFault,
    ),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_cards_that_cannot(name: str) -> None:
    answers, ask, refusal = REFUSALS[name]
    with pytest.raises(refusal):
        ask(RealCard(answers))


@pytest.mark.parametrize("kind", Kind)
def test_kind_number_and_certificate(kind: Kind, tmp_path: Path) -> None:
    card = make_card(tmp_path, kind).card
    assert op.kind_of(card) is kind
    assert op.read_number(card) == HOLDERS[kind]["number"]
    assert op.certificate(card) == key_pair()[1]


def test_institution_and_staff_member(tmp_path: Path) -> None:
    sam = make_card(tmp_path, SAM).card
    assert op.read_institution(sam) == "3501200000"
    with pytest.raises(op.NotThisKindOfCard):
        op.read_staff_member(sam)
    hpc = make_card(tmp_path, HPC).card
    assert op.read_staff_member(hpc) == op.StaffMember("B123456780", "測試醫師")
    with pytest.raises(op.NotThisKindOfCard):
        op.read_basic_data(hpc)


def check(challenge: bytes, signed: op.CardSignature) -> None:
    """Raise InvalidSignature unless the card signed challenge and state."""
    r, s = (int.from_bytes(half) for half in (signed.signature[:32], signed.signature[32:]))
    message = challenge + bytes((signed.state,))
    key_pair()[0].public_key().verify(encode_dss_signature(r, s), message, ec.ECDSA(hashes.SHA256()))


STATES: dict[str, tuple[Kind, dict[str, str], list[str], PinState]] = {
    "patient without PIN": (HC, {}, [], PinState.NOT_SET),
    "patient, PIN verified": (HC, PIN, ["1357"], PinState.VERIFIED),
    "patient, PIN not verified": (HC, PIN, [], PinState.NOT_VERIFIED),
    "staff": (HPC, {}, ["135790"], PinState.VERIFIED),
    "institution": (SAM, {}, [], PinState.NOT_SET),
}


@pytest.mark.parametrize("name", STATES)
@pytest.mark.parametrize("challenge", [b"\x00", b"challenge", bytes(range(255))], ids=len)
def test_signature_covers_challenge_and_state(name: str, challenge: bytes, tmp_path: Path) -> None:
    kind, facts, pins, state = STATES[name]
    card = make_card(tmp_path, kind, **facts).card
    for pin in pins:
        op.verify_pin(card, pin)
    signed = op.sign(card, challenge)
    assert signed.state is state
    check(challenge, signed)
    for claimed in set(PinState) - {state}:
        with pytest.raises(InvalidSignature):
            check(challenge, op.CardSignature(claimed, signed.signature))
    with pytest.raises(InvalidSignature):
        check(challenge + b"!", signed)


@pytest.mark.parametrize("challenge", [b"", bytes(256)], ids=len)
def test_challenge_of_a_length_that_no_card_takes(challenge: bytes, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="255"):
        op.sign(make_card(tmp_path, SAM).card, challenge)


def test_reading_between_keeps_the_pin_verified(tmp_path: Path) -> None:
    card = make_card(tmp_path, HC, **PIN).card
    op.verify_pin(card, "1357")
    op.read_basic_data(card)
    op.certificate(card)
    assert op.sign(card, b"1").state is PinState.VERIFIED


@pytest.mark.parametrize("pin", ["", "123", "1234567890123", "12 34", "一二三四", "1234\xff"])
def test_form_of_a_pin(pin: str, tmp_path: Path) -> None:
    card = make_card(tmp_path, HC, **PIN).card
    asks: list[Callable[[], None]] = [
        lambda: op.verify_pin(card, pin),
        lambda: op.set_pin(card, pin),
        lambda: op.change_pin(card, "1357", pin),
        lambda: op.remove_pin(card, pin),
        lambda: op.unblock(card, pin, "2468"),
    ]
    for ask in asks:
        with pytest.raises(ValueError, match="PIN"):
            ask()
    assert op.tries_left(card) == 3


def test_wrong_pin_says_how_many_tries_are_left(tmp_path: Path) -> None:
    card = make_card(tmp_path, HPC).card
    lefts = []
    for _ in range(2):
        with pytest.raises(op.WrongPin) as wrong:
            op.verify_pin(card, "0000")
        lefts.append(wrong.value.tries_left)
    assert (lefts, op.tries_left(card)) == ([2, 1], 1)
    for _ in range(2):  # the last try, and one more
        with pytest.raises(op.PinBlocked):
            op.verify_pin(card, "0000")
    assert op.tries_left(card) == 0
    op.unblock(card, "24681357", "97531")
    with pytest.raises(op.PinNotVerified):
        op.sign(card, b"1")
    op.verify_pin(card, "97531")
    assert op.tries_left(card) is None
